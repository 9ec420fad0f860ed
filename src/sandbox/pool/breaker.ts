import { LachesisError } from '../../errors.ts';

const FIRST_PAUSE_MS = 250;
const MAX_PAUSE_MS = 30_000;
const QUOTA_PAUSE_MS = 1_000;

/** Holds back the making of sandboxes after it failed, longer each time; then tries with one at a time. */
export class Breaker {
  /** The last failure since it last went well. */
  lastError: unknown;
  #failures = 0;
  #nextTryMs = -Infinity;
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** How many more may be begun. */
  allowed(nowMs: number, creating: number): number {
    if (nowMs < this.#nextTryMs) return 0;
    return this.#failures === 0 ? Infinity : 1 - creating;
  }

  /** When it may next be tried; undefined when it may now. */
  waitMs(nowMs: number): number | undefined {
    return nowMs < this.#nextTryMs ? this.#nextTryMs - nowMs : undefined;
  }

  succeeded(): void {
    this.#failures = 0;
    this.#nextTryMs = -Infinity;
    this.lastError = undefined;
  }

  failed(error: unknown, nowMs: number): void {
    this.lastError = error;
    if (error instanceof LachesisError && error.kind === 'resource_exhausted') {
      // A quota that is full is no fault of the provider's: growth waits, nothing is counted.
      this.#nextTryMs = nowMs + (error.retryAfterMs ?? QUOTA_PAUSE_MS);
      return;
    }
    this.#failures += 1;
    const pauseMs = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (this.#failures - 1));
    this.#nextTryMs = nowMs + pauseMs * (0.5 + this.#random() / 2);
  }
}
