import { Notifier, pause } from '../async/index.ts';
import type { AssignmentKey } from '../broker/index.ts';
import { messageBytes, type RolloutProgress } from '../contract/index.ts';
import { LachesisError } from '../errors.ts';
import { type Logger, silentLogger } from '../telemetry/index.ts';

/** What is told of a rollout while it plays; its end comes with its group. */
export type Told = Exclude<RolloutProgress, { kind: 'finished' }>;

/** What is told in one call. */
export interface Report {
  readonly events: readonly (ToldFor & { readonly event: Told })[];
  /** Turns that were left untold, of each rollout from its beginning. */
  readonly missedTurns: readonly MissedTurns[];
}

/** What a rollout is played for. */
interface ToldFor {
  readonly runId: string;
  readonly attempt: number;
}

interface MissedTurns {
  readonly runId: string;
  readonly rolloutId: string;
  readonly turns: number;
}

export interface EventReporterOptions {
  /** Rejects with a typed error. One call at a time. */
  readonly send: (report: Report, signal: AbortSignal) => Promise<void>;
  /** Events that wait at most. Default: 4,096. */
  readonly maxEvents?: number;
  /** Texts of events that wait at most, in characters, roughly. Default: 8 Mi. */
  readonly maxUnits?: number;
  /** The first pause after a call that failed; each is twice as long, up to 5 s. Default: 250. */
  readonly retryMs?: number;
  readonly logger?: Logger;
}

interface Waiting extends ToldFor {
  /** Rises by 1. */
  readonly number: number;
  readonly event: Told;
  readonly units: number;
}

/** Of one call: at most three bytes each, which a message has room for. */
const CALL_UNITS = 512 * 1_024;
const CALL_EVENTS = 1_000;
const MAX_RETRY_MS = 5_000;

/**
 * Tells a server of what is played, as well as that goes: whoever plays never waits for it. Where more
 * comes than can be sent, the oldest is dropped, and how many turns of a rollout were is told.
 */
export class EventReporter implements AsyncDisposable {
  readonly #options: Required<EventReporterOptions>;
  #waiting: Waiting[] = [];
  #last = 0;
  /** Of those, what is being sent, which is dropped no more. */
  #flying: ReadonlySet<Waiting> = new Set();
  #units = 0;
  /** By run and rollout, of which two runs may use the same ids. */
  readonly #missed = new Map<string, MissedTurns>();
  /** Whose count the server has not been told yet. */
  readonly #untold = new Set<string>();
  readonly #changed = new Notifier();
  readonly #closing = new AbortController();
  #sending: Promise<void> | undefined;
  /** An older server knows nothing of this. */
  #isUnknown = false;

  constructor(options: EventReporterOptions) {
    this.#options = {
      ...{ maxEvents: 4_096, maxUnits: 8 * 1_048_576, retryMs: 250, logger: silentLogger },
      ...options,
    };
  }

  put(event: Told, { runId, attempt }: ToldFor): void {
    if (this.#isUnknown || this.#closing.signal.aborted) return;
    this.#last += 1;
    const waiting = { number: this.#last, event, runId, attempt, units: unitsOf(event) };
    this.#waiting.push(waiting);
    this.#units += waiting.units;
    this.#dropOldest();
    this.#sending ??= this.#send().finally(() => {
      this.#sending = undefined;
      this.#changed.notify();
    });
  }

  /** Resolves when all that was put in by now is told, or after `timeoutMs`; never rejects. */
  async flush(timeoutMs: number, signal: AbortSignal): Promise<void> {
    const untilMs = performance.now() + timeoutMs;
    const last = this.#last;
    while (this.#sending !== undefined && !signal.aborted) {
      const [oldest] = this.#waiting;
      if (oldest === undefined ? this.#untold.size === 0 : oldest.number > last) return;
      const leftMs = untilMs - performance.now();
      if (leftMs <= 0) return;
      await this.#changed.wait({ timeoutMs: leftMs, signal });
    }
  }

  /** Nothing of the assignment's group is worth telling any more. */
  forget({ runId, assignmentId }: AssignmentKey, rolloutIds: readonly string[]): void {
    this.#keep(
      this.#waiting.filter(
        ({ runId: run, event }) => run !== runId || event.groupId !== assignmentId,
      ),
    );
    const isOurs = (id: string): boolean =>
      rolloutIds.some((rolloutId) => id === rolloutId || id.startsWith(`${rolloutId}+`));
    for (const [name, missed] of this.#missed) {
      if (missed.runId !== runId || !isOurs(missed.rolloutId)) continue;
      this.#missed.delete(name);
      this.#untold.delete(name);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(
      new LachesisError('cancelled', 'the worker has stopped.', { reason: 'CLOSED' }),
    );
    await this.#sending;
  }

  async #send(): Promise<void> {
    const { send, retryMs } = this.#options;
    const { signal } = this.#closing;
    let pauseMs = retryMs;
    while (!signal.aborted && (this.#waiting.length > 0 || this.#untold.size > 0)) {
      const batch = this.#batch();
      const untold = [...this.#untold];
      this.#flying = new Set(batch);
      try {
        const counts = untold.flatMap((name) => this.#missed.get(name) ?? []);
        await send({ events: batch, missedTurns: counts }, signal);
        this.#take(this.#flying);
        for (const count of counts) {
          const name = nameOf(count.runId, count.rolloutId);
          // Another is there where more were missed meanwhile.
          if (this.#missed.get(name) === count) this.#untold.delete(name);
        }
        pauseMs = retryMs;
      } catch (error) {
        if (!this.#mayPass(error)) {
          for (const name of untold) this.#untold.delete(name);
          // What was forgotten meanwhile is not missed.
          const refused = this.#waiting.filter((waiting) => this.#flying.has(waiting));
          this.#take(this.#flying);
          for (const waiting of refused) this.#miss(waiting);
          continue;
        }
        this.#flying = new Set();
        await pause(pauseMs, signal);
        pauseMs = Math.min(pauseMs * 2, MAX_RETRY_MS);
      }
    }
  }

  /** Whether the very same call may be taken later. */
  #mayPass(error: unknown): boolean {
    const { logger } = this.#options;
    if (!(error instanceof LachesisError)) return true;
    if (error.kind === 'unimplemented') {
      this.#isUnknown = true;
      this.#keep([]);
      this.#untold.clear();
      logger.info('the server does not take events', { error: error.message });
      return false;
    }
    const isRefused = error.kind === 'invalid_input' || error.reason === 'WORKER_REPLACED';
    if (isRefused) logger.warn('events were refused', { error: error.message });
    return !isRefused;
  }

  #batch(): readonly Waiting[] {
    let units = 0;
    const over = this.#waiting.findIndex((waiting, index) => {
      units += waiting.units;
      return index > 0 && (units > CALL_UNITS || index >= CALL_EVENTS);
    });
    return this.#waiting.slice(0, over < 0 ? undefined : over);
  }

  #take(batch: ReadonlySet<Waiting>): void {
    this.#keep(this.#waiting.filter((waiting) => !batch.has(waiting)));
    this.#changed.notify();
  }

  #keep(left: Waiting[]): void {
    this.#waiting = left;
    this.#units = left.reduce((sum, { units }) => sum + units, 0);
  }

  #dropOldest(): void {
    const { maxEvents, maxUnits, logger } = this.#options;
    while (this.#waiting.length > maxEvents || this.#units > maxUnits) {
      const dropped = this.#waiting.find((waiting) => !this.#flying.has(waiting));
      // The newest always waits, however large it is.
      if (dropped === undefined || dropped.number === this.#last) return;
      if (this.#missed.size === 0) logger.warn('events are dropped: the server takes too long');
      this.#keep(this.#waiting.filter((waiting) => waiting !== dropped));
      this.#miss(dropped);
    }
  }

  #miss({ runId, event: { kind, rolloutId } }: Waiting): void {
    if (kind !== 'turn' || this.#isUnknown) return;
    const name = nameOf(runId, rolloutId);
    const turns = (this.#missed.get(name)?.turns ?? 0) + 1;
    this.#missed.set(name, { runId, rolloutId, turns });
    this.#untold.add(name);
  }
}

/** A run's id holds no space. */
function nameOf(runId: string, rolloutId: string): string {
  return `${runId} ${rolloutId}`;
}

function unitsOf(event: Told): number {
  if (event.kind === 'started') return 512;
  return 512 + event.messages.reduce((sum, message) => sum + messageBytes(message), 0);
}
