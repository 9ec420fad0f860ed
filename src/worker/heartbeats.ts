import { errorMessage } from '../errors.ts';
import type { Logger } from '../telemetry/index.ts';
import type { HeldWork } from './held-work.ts';
import type { WorkPlane } from './work-plane.ts';

/** Keeps the leases of held work, three times in the shortest of them, until it is disposed of. */
export class Heartbeats implements AsyncDisposable {
  readonly #plane: WorkPlane;
  readonly #held: HeldWork;
  readonly #logger: Logger;
  readonly #maxIntervalMs: number;
  readonly #closing = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #beating: Promise<void> | undefined;
  #lastMs = performance.now();

  /** A worker without work still says every `maxIntervalMs` that it is there. */
  constructor(plane: WorkPlane, held: HeldWork, logger: Logger, maxIntervalMs = 10_000) {
    this.#plane = plane;
    this.#held = held;
    this.#logger = logger;
    this.#maxIntervalMs = maxIntervalMs;
    this.rearm();
  }

  /** Call it when work was taken: its lease may be shorter than the one waited for. */
  rearm(): void {
    if (this.#closing.signal.aborted || this.#beating !== undefined) return;
    const intervalMs = Math.min(this.#maxIntervalMs, (this.#held.shortestLeaseMs ?? Infinity) / 3);
    const dueMs = Math.max(0, this.#lastMs + intervalMs - performance.now());
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#beating = this.#beat().finally(() => {
        this.#beating = undefined;
        this.rearm();
      });
    }, dueMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    clearTimeout(this.#timer);
    await this.#beating;
  }

  async #beat(): Promise<void> {
    const { signal } = this.#closing;
    this.#lastMs = performance.now();
    try {
      this.#held.lose(await this.#plane.heartbeat(this.#held.assignments, signal));
    } catch (error) {
      // The leases outlast a beat or two; when they don't, the next answer says so.
      if (!signal.aborted) this.#logger.warn('heartbeat failed', { error: errorMessage(error) });
    }
  }
}
