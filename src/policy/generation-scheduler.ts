import { LachesisError } from '../errors.ts';
import type { Decoding, DecodingScratch } from './decoding.ts';
import { advance } from './decoding.ts';

export interface SchedulerOptions {
  /** Responses decoded side by side. */
  readonly maxActive: number;
  /** Requests that may wait behind them. */
  readonly maxQueued: number;
  /** Tokens per turn of one response. */
  readonly sliceTokens: number;
  /** Work per event loop turn. */
  readonly tickBudgetMs: number;
}

export interface GenerationJob {
  /** Called when the job's turn comes, so that the newest weights are taken then and not before. */
  readonly begin: () => Decoding;
  /** Called after each slice that sampled something, with the index of its first new token. */
  readonly onSlice?: ((decoding: Decoding, from: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What happens to responses in flight when the policy pauses. */
export type PauseMode =
  /** They finish first. */
  | 'drain'
  /** They end now, with finish reason `abort` and what they have. */
  | 'abort'
  /** They stand still and go on after `resume`, on the weights that they began with. */
  | 'keep';

interface Entry extends GenerationJob {
  decoding: Decoding | undefined;
  readonly resolve: (decoding: Decoding | undefined) => void;
  readonly reject: (reason: unknown) => void;
  readonly onAbort: () => void;
}

/**
 * Shares one thread among many responses, round robin. `open` starts and advances jobs, `closing`
 * only advances those begun, `frozen` does neither; waiting jobs are kept through a pause.
 */
export class GenerationScheduler {
  readonly #options: SchedulerOptions;
  readonly #scratch: DecodingScratch;
  readonly #waiting: Entry[] = [];
  readonly #active: Entry[] = [];
  readonly #drains: PromiseWithResolvers<void>[] = [];
  #gate: 'open' | 'closing' | 'frozen' = 'open';
  #ticking = false;

  constructor(options: SchedulerOptions, scratch: DecodingScratch) {
    this.#options = options;
    this.#scratch = scratch;
  }

  get paused(): boolean {
    return this.#gate !== 'open';
  }

  get activeCount(): number {
    return this.#active.length;
  }

  get waitingCount(): number {
    return this.#waiting.length;
  }

  /**
   * Resolves with the finished decoding, or with undefined when it was aborted before it began.
   * @throws resource_exhausted when too many wait already; whatever `begin` or `onSlice` throws.
   */
  async submit(job: GenerationJob): Promise<Decoding | undefined> {
    if (job.signal?.aborted === true) return undefined;
    const { maxQueued } = this.#options;
    if (this.#waiting.length >= maxQueued) {
      throw new LachesisError(
        'resource_exhausted',
        `${maxQueued} generations are waiting already.`,
        {
          reason: 'POLICY_QUEUE_FULL',
          remedy: 'Retry after a pause, or send fewer at once.',
          retryAfterMs: 100,
        },
      );
    }
    const { promise, resolve, reject } = Promise.withResolvers<Decoding | undefined>();
    const onAbort = (): void => this.#abort(entry);
    const entry: Entry = { ...job, decoding: undefined, resolve, reject, onAbort };
    job.signal?.addEventListener('abort', onAbort, { once: true });
    this.#waiting.push(entry);
    this.#schedule();
    return promise;
  }

  /** Stops starting jobs; resolves when those in flight are as `mode` says. */
  async pause(mode: PauseMode, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (mode === 'keep') this.#interruptDrains();
    this.#gate = mode === 'keep' ? 'frozen' : 'closing';
    if (mode === 'abort') for (const entry of [...this.#active]) this.#abort(entry);
    if (mode === 'drain') {
      this.#schedule();
      await this.#idle(signal);
    }
  }

  /** A drain that has not finished is given up: its `pause` rejects with `aborted`. */
  resume(): void {
    this.#interruptDrains();
    this.#gate = 'open';
    this.#schedule();
  }

  /** Ends every job, waiting or begun, with finish reason `abort`. */
  abortAll(): void {
    for (const entry of [...this.#active, ...this.#waiting]) this.#abort(entry);
  }

  async #idle(signal?: AbortSignal): Promise<void> {
    if (this.#active.length === 0) return;
    const drain = Promise.withResolvers<void>();
    const onAbort = (): void => drain.reject(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    this.#drains.push(drain);
    try {
      await drain.promise;
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  #interruptDrains(): void {
    for (const drain of this.#drains.splice(0)) {
      drain.reject(
        new LachesisError('aborted', 'the drain was given up before it finished.', {
          reason: 'DRAIN_INTERRUPTED',
          remedy: 'Pause again.',
        }),
      );
    }
  }

  #schedule(): void {
    if (this.#ticking || !this.#runnable()) return;
    this.#ticking = true;
    setImmediate(() => {
      this.#ticking = false;
      this.#tick();
      this.#schedule();
    });
  }

  #runnable(): boolean {
    if (this.#gate === 'frozen') return false;
    return this.#active.length > 0 || (this.#gate === 'open' && this.#waiting.length > 0);
  }

  #tick(): void {
    const until = performance.now() + this.#options.tickBudgetMs;
    do {
      this.#start();
      const entry = this.#active.shift();
      if (entry === undefined) return;
      // Back in line before its turn, so that an abort from a callback finds it there.
      this.#active.push(entry);
      this.#advance(entry);
    } while (performance.now() < until && this.#runnable());
  }

  #start(): void {
    while (this.#gate === 'open' && this.#active.length < this.#options.maxActive) {
      const entry = this.#waiting.shift();
      if (entry === undefined) return;
      try {
        entry.decoding = entry.begin();
        this.#active.push(entry);
      } catch (thrown) {
        this.#settle(entry, () => entry.reject(thrown));
      }
    }
  }

  #advance(entry: Entry): void {
    const decoding = entry.decoding!;
    const from = decoding.ids.length;
    try {
      advance(decoding, this.#options.sliceTokens, this.#scratch);
      if (decoding.ids.length > from) entry.onSlice?.(decoding, from);
    } catch (thrown) {
      this.#settle(entry, () => entry.reject(thrown));
      return;
    }
    if (decoding.finish !== undefined) this.#settle(entry, () => entry.resolve(decoding));
  }

  #abort(entry: Entry): void {
    if (entry.decoding !== undefined) entry.decoding.finish ??= 'abort';
    this.#settle(entry, () => entry.resolve(entry.decoding));
  }

  #settle(entry: Entry, done: () => void): void {
    entry.signal?.removeEventListener('abort', entry.onAbort);
    for (const queue of [this.#active, this.#waiting]) {
      const index = queue.indexOf(entry);
      if (index >= 0) queue.splice(index, 1);
    }
    done();
    if (this.#active.length === 0) for (const drain of this.#drains.splice(0)) drain.resolve();
  }
}
