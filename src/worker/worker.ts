import { Limiter, pause } from '../async/index.ts';
import type { Assignment } from '../contract/index.ts';
import type { HostedEnvironment } from '../environment/index.ts';
import { errorMessage, LachesisError } from '../errors.ts';
import type { ModelServer } from '../models/index.ts';
import { type Logger, silentLogger } from '../telemetry/index.ts';
import { backlogAssignments } from './backlog.ts';
import { Heartbeats } from './heartbeats.ts';
import { type Held, HeldWork, keyOf } from './held-work.ts';
import { Patience } from './patience.ts';
import { playAssignment } from './play-assignment.ts';
import { isTransient, verdictOfGroup } from './verdict.ts';
import type { LeasedWork, WorkPlane } from './work-plane.ts';

export interface WorkerOptions {
  /** By name. */
  readonly environments: ReadonlyMap<string, HostedEnvironment>;
  readonly modelServerFor: (environment: string) => ModelServer;
  readonly plane: WorkPlane;
  readonly workerId: string;
  /** Rollouts in flight. Default: 32. */
  readonly concurrency?: number;
  /** Where an environment's tools run, for the provenance. Default: `none` without tools, else `in_process`. */
  readonly isolationFor?: (environment: string) => string;
  /** How long groups may go on after `run`'s signal fired, before they are cancelled. Default: 5 s. */
  readonly drainMs?: number;
  /** Longest time between two heartbeats. Default: 10 s; three in a lease, if that is shorter. */
  readonly heartbeatMs?: number;
  /** Longest wait of one lease call. Default: 10 s. */
  readonly leaseWaitMs?: number;
  readonly logger?: Logger;
  /** Milliseconds since the Unix epoch. Default: the system's clock. */
  readonly now?: () => number;
}

/** Leases assignments, plays them, and submits what came of them. */
export interface Worker extends AsyncDisposable {
  readonly inFlight: { readonly groups: number; readonly rollouts: number };
  /**
   * Works until `signal` fires, then drains: what is played may finish for `drainMs`, the rest is
   * cancelled and given back. Resolves when nothing is held any more; rejects only when called twice.
   */
  run(signal: AbortSignal): Promise<void>;
  /** Stops a running `run` and waits for its end. */
  [Symbol.asyncDispose](): Promise<void>;
}

const FIRST_RETRY_MS = 250;
const MAX_RETRY_MS = 10_000;
const SUBMIT_TRIES = 5;

/** A worker over a plane: what leases and stores may be in this process or elsewhere. */
export function createWorker(options: WorkerOptions): Worker {
  const { plane, concurrency = 32, drainMs = 5_000, leaseWaitMs = 10_000 } = options;
  const logger = (options.logger ?? silentLogger).child({ worker: options.workerId });
  let wake = (): void => {};
  const limiter = new Limiter(concurrency, () => wake());
  const held = new HeldWork();
  const patience = new Patience();
  const playing = new Set<Promise<void>>();
  const stop = new AbortController();
  let running: Promise<void> | undefined;
  let heartbeats: Heartbeats | undefined;

  async function leaseLoop(signal: AbortSignal): Promise<void> {
    let retryMs = FIRST_RETRY_MS;
    while (!signal.aborted) {
      // A group takes a place per rollout, so one is leased at a time and only while a place is free.
      if (limiter.free === 0 || held.size >= concurrency) {
        await somethingEnded(signal);
        continue;
      }
      if (patience.pauseMs > 0) await pause(patience.pauseMs, signal);
      if (signal.aborted) return;
      try {
        const leases = await plane.lease({ max: 1, waitMs: leaseWaitMs, signal });
        retryMs = FIRST_RETRY_MS;
        for (const work of leases) begin(work);
        // Assignments that end at once must not keep everything else from its turn.
        await new Promise((resolve) => setImmediate(resolve));
      } catch (error) {
        if (signal.aborted) return;
        logger.warn('leasing failed', { error: errorMessage(error), retryMs });
        await pause(retryMs, signal);
        retryMs = Math.min(retryMs * 2, MAX_RETRY_MS);
      }
    }
  }

  function somethingEnded(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        signal.removeEventListener('abort', done);
        resolve();
      };
      wake = done;
      if (signal.aborted) done();
      else signal.addEventListener('abort', done, { once: true });
    });
  }

  function begin(work: LeasedWork): void {
    const taken = held.take(work);
    if (taken === undefined) return;
    heartbeats?.rearm();
    const done = handle(taken)
      .catch((error: unknown) => {
        logger.error('an assignment ended badly', {
          assignment: work.assignment.id,
          error: errorMessage(error),
        });
      })
      .finally(() => {
        held.release(taken);
        playing.delete(done);
        wake();
      });
    playing.add(done);
  }

  async function handle(taken: Held): Promise<void> {
    const { assignment, attempt, policy } = taken.work;
    const { signal } = taken.controller;
    const environment = options.environments.get(assignment.environment);
    if (environment === undefined) {
      await giveBack(taken, unknownEnvironment(assignment, options.environments), true);
      return;
    }
    let backlog: readonly Assignment[] = [];
    const isolation = options.isolationFor?.(assignment.environment);
    const group = await playAssignment(assignment, {
      environment,
      modelServer: options.modelServerFor(assignment.environment),
      attempt,
      policy,
      workerId: options.workerId,
      ...(isolation === undefined ? {} : { isolation }),
      announcedVersion: () => plane.announcedVersion(assignment.runId),
      onProgress: (event) => plane.progress(event, assignment.runId),
      onWarning: (message) => logger.warn(message, { assignment: assignment.id }),
      onBacklog: (tasks) => {
        backlog = backlogAssignments(assignment, tasks);
      },
      limiter,
      rolloutSignal: (rolloutId) => plane.rolloutSignal?.(rolloutId, assignment.runId),
      ...(options.now === undefined ? {} : { now: options.now }),
      signal,
    });
    if (taken.lost) return;
    if (signal.aborted) {
      // Part of a group must not pass for the whole: what was cut short is played again elsewhere.
      await giveBack(taken, signal.reason, false);
      return;
    }
    const verdict = verdictOfGroup(group);
    if (verdict !== undefined) {
      if (verdict.permanent) patience.worked();
      else patience.failed();
      // Held as long as that, it does not come back before there is a chance that it goes better.
      await pause(patience.pauseMs, signal);
      if (taken.lost) return;
      await giveBack(taken, verdict.error, verdict.permanent);
      return;
    }
    patience.worked();
    await orderBacklog(taken, backlog);
    await submit(taken, () => plane.submit(group, signal, policy));
  }

  /** Before the group is submitted: what is ordered then takes the places that the group leaves free. */
  async function orderBacklog(taken: Held, backlog: readonly Assignment[]): Promise<void> {
    if (backlog.length === 0) return;
    try {
      await plane.order(backlog);
    } catch (error) {
      // The group is worth more than what was to follow it.
      logger.warn('a backlog was not ordered', {
        assignment: taken.work.assignment.id,
        tasks: backlog.length,
        error: errorMessage(error),
      });
    }
  }

  async function submit(taken: Held, send: () => Promise<void>): Promise<void> {
    const { signal } = taken.controller;
    let retryMs = FIRST_RETRY_MS;
    for (let tries = 1; ; tries++) {
      try {
        await send();
        return;
      } catch (error) {
        if (taken.lost) return;
        if (signal.aborted || !isTransient(error) || tries === SUBMIT_TRIES) {
          await giveBack(taken, error, !signal.aborted && !isTransient(error));
          return;
        }
        logger.warn('submitting failed', {
          assignment: taken.work.assignment.id,
          error: errorMessage(error),
          retryMs,
        });
        const wanted = error instanceof LachesisError ? error.retryAfterMs : undefined;
        await pause(wanted ?? retryMs, signal);
        retryMs = Math.min(retryMs * 2, MAX_RETRY_MS);
      }
    }
  }

  async function giveBack(taken: Held, error: unknown, permanent: boolean): Promise<void> {
    const key = keyOf(taken.work.assignment);
    const assignment = key.assignmentId;
    logger.warn('giving an assignment back', { assignment, permanent, error: errorMessage(error) });
    try {
      await plane.fail(key, error, permanent);
    } catch (failure) {
      // Its lease runs out then, which gives it back as well.
      logger.warn('giving back failed', { assignment, error: errorMessage(failure) });
    }
  }

  async function work(signal: AbortSignal): Promise<void> {
    await using beats = new Heartbeats(plane, held, logger, options.heartbeatMs);
    heartbeats = beats;
    await leaseLoop(signal);
    const drained = new AbortController();
    const cancel = pause(drainMs, drained.signal).then(() => {
      if (!drained.signal.aborted) held.cancelAll(stoppedError(options.workerId));
    });
    await Promise.all(playing);
    drained.abort();
    await cancel;
  }

  return {
    get inFlight() {
      return { groups: held.size, rollouts: concurrency - limiter.free };
    },
    run(signal: AbortSignal): Promise<void> {
      if (running !== undefined) {
        return Promise.reject(
          new LachesisError('failed_precondition', 'This worker has been started before.', {
            reason: 'WORKER_STARTED',
            remedy: 'Create another.',
          }),
        );
      }
      running = work(AbortSignal.any([signal, stop.signal]));
      return running;
    },
    async [Symbol.asyncDispose]() {
      stop.abort(stoppedError(options.workerId));
      await running;
    },
  };
}

function stoppedError(workerId: string): LachesisError {
  return new LachesisError('cancelled', `Worker ${workerId} was stopped.`, {
    reason: 'WORKER_STOPPED',
  });
}

function unknownEnvironment(
  assignment: Assignment,
  environments: ReadonlyMap<string, HostedEnvironment>,
): LachesisError {
  return new LachesisError(
    'not_found',
    `This worker has no environment \`${assignment.environment}\`; it has ${[...environments.keys()].join(', ')}.`,
    {
      reason: 'ENVIRONMENT_NOT_FOUND',
      remedy: 'Give it that environment, or leave its assignments to a worker that has it.',
    },
  );
}
