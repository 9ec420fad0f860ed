import { Notifier, pause } from '../async/index.ts';
import type { AutoPlay as AutoPlaySettings, Broker, RunState, RunStatus } from '../broker/index.ts';
import type { Assignment } from '../contract/index.ts';
import type { TaskSource } from '../environment/index.ts';
import { LachesisError } from '../errors.ts';
import type { Logger } from '../telemetry/index.ts';
import { taskMixture } from './task-mixture.ts';

/**
 * How many groups to order now, from the figures of a run alone. With `maxBatchesAhead`, what waits,
 * what open assignments should bring and what is cut and not acked never exceed that many batches: a
 * trainer that publishes before it acks stays exactly on policy with 1.
 */
export function groupsToAssign(autoPlay: AutoPlaySettings, status: RunStatus): number {
  if (status.run.closed) return 0;
  const { maxWaitingGroups } = status.run.settings;
  const ahead = status.openAssignments + status.waitingGroups;
  const room = Math.max(0, Math.min(autoPlay.maxAhead, maxWaitingGroups) - ahead);
  return autoPlay.maxBatchesAhead === 0 ? room : Math.min(room, groupsWanted(autoPlay, status));
}

/**
 * Groups that are missing until `maxBatchesAhead` batches are ahead, each rollout taken for a row, and
 * groups of several environments for as large as they are on average.
 */
function groupsWanted(autoPlay: AutoPlaySettings, status: RunStatus): number {
  const { batchSize } = status.run.settings;
  const batches = Math.max(0, autoPlay.maxBatchesAhead - status.leasedBatches);
  const { openAssignments } = status;
  switch (batchSize.kind) {
    case 'groups':
      return Math.max(0, batches * batchSize.groups - status.waitingGroups - openAssignments);
    case 'rows': {
      const groupSize = meanGroupSize(autoPlay);
      const missing = batches * batchSize.rows - status.waitingRows - openAssignments * groupSize;
      return Math.max(0, Math.ceil(missing / groupSize));
    }
    case 'tokens':
      // How long a group gets can't be known before it is played.
      return status.waitingTokens >= batches * batchSize.tokens ? 0 : Infinity;
  }
}

function meanGroupSize({ environments }: AutoPlaySettings): number {
  const weights = environments.reduce((sum, { weight }) => sum + weight, 0);
  return environments.reduce((sum, part) => sum + part.groupSize * (part.weight / weights), 0);
}

export interface AutoPlayOptions {
  readonly broker: Broker;
  readonly tasksOf: (environment: string) => TaskSource;
  /** Puts assignments in the queue, after their rollouts are made known. */
  readonly enqueue: (assignments: readonly Assignment[]) => Promise<void>;
  readonly logger: Logger;
  /** Longest pause between two looks at a run. Default: 1 s; a kick ends it early. */
  readonly pollMs?: number;
}

/** What a queue refuses now and may take later. */
const PASSING: ReadonlySet<string> = new Set(['resource_exhausted', 'infrastructure_error']);

/** Between two looks at a run whose trainer waits though nothing is under way. */
const STARVED_POLL_MS = 50;

/** Orders groups for the runs that ask for it, task after task, as fast as they are taken. */
export class AutoPlay implements AsyncDisposable {
  readonly #options: AutoPlayOptions;
  readonly #runs = new Map<string, { readonly kick: Notifier; readonly done: Promise<void> }>();
  /** Batches that are asked for right now, by run. */
  readonly #asking = new Map<string, number>();
  readonly #closing = new AbortController();

  constructor(options: AutoPlayOptions) {
    this.#options = options;
  }

  /** Plays for a run until it is closed; a run that plays already is left alone. */
  start(run: RunState): void {
    const { autoPlay } = run.settings;
    if (autoPlay === undefined || run.closed || this.#closing.signal.aborted) return;
    if (this.#runs.has(run.id)) return;
    const kick = new Notifier();
    const done = this.#play(run.id, autoPlay, kick)
      .catch((error: unknown) => {
        if (this.#closing.signal.aborted) return;
        this.#options.logger.error('auto play stopped', { runId: run.id, error });
      })
      .finally(() => this.#runs.delete(run.id));
    this.#runs.set(run.id, { kick, done });
  }

  /** Something changed in the run: look again now. */
  kick(runId: string): void {
    this.#runs.get(runId)?.kick.notify();
  }

  /** A trainer asks for a batch, until what is returned is disposed of. */
  asking(runId: string): Disposable {
    this.#asking.set(runId, (this.#asking.get(runId) ?? 0) + 1);
    this.kick(runId);
    return {
      [Symbol.dispose]: () => {
        const left = (this.#asking.get(runId) ?? 1) - 1;
        if (left === 0) this.#asking.delete(runId);
        else this.#asking.set(runId, left);
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await Promise.all([...this.#runs.values()].map(({ done }) => done));
  }

  async #play(runId: string, autoPlay: AutoPlaySettings, kick: Notifier): Promise<void> {
    const { broker, tasksOf, pollMs = 1_000 } = this.#options;
    const { signal } = this.#closing;
    const status = await broker.status(runId);
    // Ids of an earlier start of the server are taken, so the count goes on behind them.
    let number = status.acceptedGroups + status.openAssignments + sum(status.droppedGroups);
    await using tasks = taskMixture(autoPlay.environments, tasksOf, number, signal);
    let starvedChecks = 0;
    while (!signal.aborted) {
      const since = kick.version;
      const now = await broker.status(runId);
      if (now.run.closed) return;
      // Groups can be enough in number and still not make an exact batch; then one more is due. It
      // is looked at twice, since a batch that is just being cut looks the same.
      const starves = this.#starves(runId, now);
      starvedChecks = starves ? starvedChecks + 1 : 0;
      const extra = starvedChecks > 1 ? 1 : 0;
      const assignments: Assignment[] = [];
      for (let count = groupsToAssign(autoPlay, now) || extra; count > 0; count -= 1) {
        const { part, task } = await tasks.next();
        number += 1;
        assignments.push({
          id: `${runId}-auto-${number}`,
          runId,
          environment: part.environment,
          task: { kind: 'given', task },
          groupSize: part.groupSize,
          sampling: {},
          limits: {},
        });
      }
      if (assignments.length > 0) {
        await this.#enqueue(runId, assignments);
        starvedChecks = 0;
      }
      const timeoutMs = starves ? STARVED_POLL_MS : pollMs;
      await kick.wait({ signal, timeoutMs, ...(!starves && { since }) });
    }
  }

  /** Tries until the queue takes them, so that no task is passed over. */
  async #enqueue(runId: string, assignments: readonly Assignment[]): Promise<void> {
    const { enqueue, logger, pollMs = 1_000 } = this.#options;
    for (;;) {
      try {
        return await enqueue(assignments);
      } catch (error) {
        const passes = error instanceof LachesisError && PASSING.has(error.kind);
        if (!passes || this.#closing.signal.aborted) throw error;
        logger.warn('auto play waits', { runId, error });
        await pause(pollMs, this.#closing.signal);
      }
    }
  }

  #starves(runId: string, { openAssignments, leasedBatches, waitingGroups }: RunStatus): boolean {
    const idle = openAssignments === 0 && leasedBatches === 0 && waitingGroups > 0;
    return idle && this.#asking.has(runId);
  }
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}
