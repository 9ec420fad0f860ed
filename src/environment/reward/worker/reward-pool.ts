import { Limiter, onAbort, startDeadline, untilAborted } from '../../../async/index.ts';
import { LachesisError } from '../../../errors.ts';
import type { WorkerRewardInput } from './protocol.ts';
import { RewardThread, type RewardThreadOptions } from './reward-thread.ts';
import { loadTimedOut, timedOut } from './thread-failures.ts';

export interface RewardPoolOptions extends RewardThreadOptions {
  readonly threads: number;
  readonly timeoutMs: number;
  readonly loadTimeoutMs: number;
  readonly maxWaiting: number;
  /** How long a thread that was ended may stay before it is no longer waited for. Default: 5 s. */
  readonly endGraceMs?: number;
}

/**
 * At most so many threads, each with one call at a time; the other calls wait in order. A thread
 * that was given up keeps its place until it is gone. Only one that stays on, because it waits for a
 * system call such as `execSync` that nothing can interrupt, is replaced before; so there are never
 * more than twice as many.
 */
export class RewardPool implements AsyncDisposable {
  readonly #options: RewardPoolOptions;
  readonly #places: Limiter;
  readonly #closing = new AbortController();
  readonly #threads = new Set<RewardThread>();
  readonly #idle: RewardThread[] = [];
  #waiting = 0;
  /** Threads that don't end, and have been replaced. */
  #stuck = 0;
  #everLoaded = false;
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
      using deadline = this.#deadline(timedOut, this.#options.timeoutMs, signal);
      return await untilAborted(thread.run(input), deadline);
    } finally {
      if (thread === undefined || thread.isIdle) {
        if (thread !== undefined) this.#idle.push(thread);
        place[Symbol.dispose]();
      } else {
        // The call is answered now; only the place waits for the thread's end.
        void this.#replace(thread, place);
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
    using deadline = this.#deadline(loadTimedOut, this.#options.loadTimeoutMs, signal);
    try {
      await untilAborted(thread.ready, deadline);
      this.#everLoaded = true;
    } catch (error) {
      // What was loaded before may be loaded again: then it is the world around it that failed.
      if (
        error instanceof LachesisError &&
        error.reason === 'REWARD_MODULE_LOAD' &&
        !this.#everLoaded
      ) {
        this.#broken = error;
      }
      throw error;
    }
  }

  #deadline(
    error: (href: string, timeoutMs: number) => LachesisError,
    timeoutMs: number,
    signal: AbortSignal,
  ) {
    const { href } = this.#options;
    return startDeadline({ timeoutMs, reason: () => error(href, timeoutMs), signal });
  }

  /** Ends a thread, and gives its place to the next once it is gone or known to be stuck. */
  async #replace(thread: RewardThread, place: Disposable): Promise<void> {
    const ended = this.#end(thread);
    if (!(await this.#isSoon(ended)) && this.#stuck < this.#options.threads) {
      this.#stuck += 1;
      void ended.finally(() => {
        this.#stuck -= 1;
      });
    } else {
      await ended;
    }
    place[Symbol.dispose]();
  }

  async #isSoon(ended: Promise<void>): Promise<boolean> {
    const { endGraceMs = 5_000 } = this.#options;
    using deadline = startDeadline({ timeoutMs: endGraceMs, reason: () => undefined });
    return await untilAborted(ended, deadline).then(
      () => true,
      () => false,
    );
  }

  async #end(thread: RewardThread): Promise<void> {
    await thread.end();
    this.#threads.delete(thread);
  }

  /**
   * Ends all threads; calls that run or wait are rejected. Resolves when the threads are gone, or
   * after 5 s, when one can't be ended.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#closing.signal.aborted) {
      this.#closing.abort(
        new LachesisError('environment_error', 'The reward was closed before it had scored.', {
          reason: 'REWARD_WORKER_CLOSED',
          remedy: 'Dispose of a workerReward when nothing is played with it any more.',
        }),
      );
    }
    await Promise.all([...this.#threads].map((thread) => this.#isSoon(this.#end(thread))));
  }
}
