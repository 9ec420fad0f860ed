import { Limiter, startDeadline, systemClock, untilAborted } from '../../../async/index.ts';
import { LachesisError } from '../../../errors.ts';
import { JobThread, type JobThreadOptions } from './job-thread.ts';
import type { Job, JobResults } from './protocol.ts';

export interface JobPoolOptions extends JobThreadOptions {
  readonly threads: number;
  /** How long one job may take; its thread is ended then. */
  readonly timeoutMs: number;
  /** How long a thread is kept that has no job: it keeps the memory of its last one. Default: 30 s. */
  readonly idleMs?: number;
}

type Result<Kind extends Job['kind']> = JobResults[Kind];

/**
 * At most so many threads, each with one job at a time; the other jobs wait in order. A thread is started
 * when there is a job for it, and a job that was given up keeps its thread until it is done with it.
 */
export class JobPool implements AsyncDisposable {
  readonly #options: JobPoolOptions;
  readonly #places: Limiter;
  readonly #closing = new AbortController();
  readonly #threads = new Set<JobThread>();
  /** Those without a job, and what calls off their end. */
  readonly #idle = new Map<JobThread, () => void>();

  constructor(options: JobPoolOptions) {
    this.#options = options;
    this.#places = new Limiter(options.threads);
  }

  /** Rejects with what the job throws, or with the signal's reason. What of the job is in `transfer` is gone. */
  async run<Kind extends Job['kind']>(
    job: Extract<Job, { readonly kind: Kind }>,
    transfer: readonly ArrayBuffer[],
    signal: AbortSignal,
  ): Promise<Result<Kind>> {
    const either = AbortSignal.any([signal, this.#closing.signal]);
    const place = await this.#places.acquire(either);
    return (await untilAborted(this.#runIn(place, job, transfer), {
      signal: either,
    })) as Result<Kind>;
  }

  async #runIn(
    place: Disposable,
    job: Job,
    transfer: readonly ArrayBuffer[],
  ): Promise<Result<Job['kind']>> {
    using _place = place;
    this.#closing.signal.throwIfAborted();
    const thread = this.#takeThread();
    const { timeoutMs } = this.#options;
    using deadline = startDeadline({ timeoutMs, reason: () => timedOut(timeoutMs) });
    try {
      return await untilAborted(thread.run(job, transfer), { signal: deadline });
    } finally {
      if (thread.isIdle) this.#rest(thread);
      else await this.#end(thread, deadline.reason);
    }
  }

  #takeThread(): JobThread {
    for (const [thread, keep] of this.#idle) {
      keep();
      this.#idle.delete(thread);
      if (thread.isIdle) return thread;
      this.#threads.delete(thread);
    }
    const thread = new JobThread(this.#options);
    this.#threads.add(thread);
    return thread;
  }

  #rest(thread: JobThread): void {
    const callOff = systemClock.schedule(this.#options.idleMs ?? 30_000, () => {
      this.#idle.delete(thread);
      void this.#end(thread, undefined);
    });
    this.#idle.set(thread, callOff);
  }

  async #end(thread: JobThread, reason: unknown): Promise<void> {
    await thread.end(reason);
    this.#threads.delete(thread);
  }

  /** Ends all threads; jobs that run or wait are rejected. Resolves when they are gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    const reason = new LachesisError('infrastructure_error', 'The gateway shuts down.', {
      reason: 'SHUTTING_DOWN',
      retryAfterMs: 1_000,
    });
    this.#closing.abort(reason);
    for (const callOff of this.#idle.values()) callOff();
    this.#idle.clear();
    await Promise.all([...this.#threads].map((thread) => this.#end(thread, reason)));
  }
}

function timedOut(timeoutMs: number): LachesisError {
  return new LachesisError('deadline_exceeded', `It was not read within ${timeoutMs} ms.`, {
    reason: 'BODY_TIMEOUT',
    remedy: 'Send smaller groups, or less at once.',
    retryAfterMs: 1_000,
  });
}
