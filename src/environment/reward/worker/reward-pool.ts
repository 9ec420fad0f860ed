import { Limiter, onAbort, startDeadline, untilAborted } from '../../../async/index.ts';
import { LachesisError } from '../../../errors.ts';
import type { WorkerRewardInput } from './protocol.ts';
import { RewardThread, type RewardThreadOptions } from './reward-thread.ts';

export interface RewardPoolOptions extends RewardThreadOptions {
  readonly threads: number;
  readonly timeoutMs: number;
  readonly maxWaiting: number;
}

/** A module may need long to load what it scores with, and no call's time should go on that. */
const MIN_LOAD_TIMEOUT_MS = 30_000;

/**
 * At most so many threads, each with one call at a time; the other calls wait in order. A thread
 * that was given up keeps its place until it is gone, so that there are never more of them.
 */
export class RewardPool implements AsyncDisposable {
  readonly #options: RewardPoolOptions;
  readonly #places: Limiter;
  readonly #closing = new AbortController();
  readonly #threads = new Set<RewardThread>();
  readonly #idle: RewardThread[] = [];
  #waiting = 0;
  /** Why the module can't be loaded; then no thread is started any more. */
  #broken: LachesisError | undefined;

  constructor(options: RewardPoolOptions) {
    this.#options = options;
    this.#places = new Limiter(options.threads);
  }

  async run(input: WorkerRewardInput, outer: AbortSignal): Promise<unknown> {
    outer.throwIfAborted();
    this.#closing.signal.throwIfAborted();
    const call = new AbortController();
    const unfollow = [outer, this.#closing.signal].map((signal) =>
      onAbort(signal, () => call.abort(signal.reason)),
    );
    try {
      return await this.#score(input, call.signal);
    } finally {
      for (const callOff of unfollow) callOff();
    }
  }

  async #score(input: WorkerRewardInput, signal: AbortSignal): Promise<unknown> {
    const place = await this.#takePlace(signal);
    let thread: RewardThread | undefined;
    try {
      signal.throwIfAborted();
      if (this.#broken !== undefined) throw this.#broken;
      thread = this.#takeThread();
      await this.#load(thread, signal);
      using deadline = this.#deadline('REWARD_WORKER_TIMEOUT', this.#options.timeoutMs, signal);
      return await untilAborted(thread.run(input), deadline);
    } finally {
      if (thread === undefined || thread.isIdle) {
        if (thread !== undefined) this.#idle.push(thread);
        place[Symbol.dispose]();
      } else {
        // The call is answered now; only the place waits for the thread's end.
        void this.#end(thread).finally(() => place[Symbol.dispose]());
      }
    }
  }

  async #takePlace(signal: AbortSignal): Promise<Disposable> {
    if (this.#places.free > 0) return await this.#places.acquire(signal);
    const { maxWaiting } = this.#options;
    if (this.#waiting >= maxWaiting) {
      throw new LachesisError(
        'resource_exhausted',
        `${maxWaiting} rewards wait for a thread already.`,
        {
          reason: 'REWARD_QUEUE_FULL',
          remedy: "Play fewer rollouts at a time, or raise workerReward's threads or maxWaiting.",
        },
      );
    }
    this.#waiting += 1;
    try {
      return await this.#places.acquire(signal);
    } finally {
      this.#waiting -= 1;
    }
  }

  #takeThread(): RewardThread {
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
      if (idle.isIdle) return idle;
      // It died of something that an earlier call left running.
      void this.#end(idle);
    }
    const thread = new RewardThread(this.#options);
    this.#threads.add(thread);
    return thread;
  }

  async #load(thread: RewardThread, signal: AbortSignal): Promise<void> {
    const timeoutMs = Math.max(MIN_LOAD_TIMEOUT_MS, this.#options.timeoutMs);
    using deadline = this.#deadline('REWARD_MODULE_LOAD_TIMEOUT', timeoutMs, signal);
    try {
      await untilAborted(thread.ready, deadline);
    } catch (error) {
      if (error instanceof LachesisError && error.reason === 'REWARD_MODULE_LOAD') {
        this.#broken = error;
      }
      throw error;
    }
  }

  #deadline(reason: string, timeoutMs: number, signal: AbortSignal) {
    return startDeadline({
      timeoutMs,
      reason: () =>
        new LachesisError(
          'environment_error',
          `The reward module ${this.#options.href} took longer than ${timeoutMs} ms, and its thread was ended.`,
          { reason, remedy: "If it needs longer, raise workerReward's timeoutMs." },
        ),
      signal,
    });
  }

  async #end(thread: RewardThread): Promise<void> {
    await thread.end();
    this.#threads.delete(thread);
  }

  /** Ends all threads; calls that run or wait are rejected. Resolves when the threads are gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#closing.signal.aborted) {
      this.#closing.abort(
        new LachesisError('environment_error', 'The reward was closed before it had scored.', {
          reason: 'REWARD_WORKER_CLOSED',
          remedy: 'Dispose of a workerReward when nothing is played with it any more.',
        }),
      );
    }
    await Promise.all([...this.#threads].map((thread) => this.#end(thread)));
  }
}
