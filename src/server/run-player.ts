import { Notifier, pause } from '../async/index.ts';
import type { AutoPlay, Broker, RunStatus } from '../broker/index.ts';
import type { Assignment } from '../contract/index.ts';
import type { HostedEnvironment } from '../environment/index.ts';
import { errorMessage, LachesisError } from '../errors.ts';
import type { Logger } from '../telemetry/index.ts';
import { groupsToAssign, openLimitOf, WasteWatch } from './auto-play-figures.ts';
import { type TaskMixture, taskMixture } from './task-mixture.ts';

export interface RunPlayerOptions {
  readonly runId: string;
  readonly autoPlay: AutoPlay;
  readonly broker: Broker;
  readonly environmentOf: (name: string) => Pick<HostedEnvironment, 'name' | 'tasks'>;
  /** Puts assignments in the queue, after their rollouts are made known. */
  readonly enqueue: (assignments: readonly Assignment[]) => Promise<void>;
  /** Whether a trainer asks for a batch right now. */
  readonly isAsked: () => boolean;
  readonly logger: Logger;
  /** Longest pause between two looks at the run. */
  readonly pollMs: number;
  readonly signal: AbortSignal;
}

/** What a queue refuses now and may take later. */
const PASSING: ReadonlySet<string> = new Set(['resource_exhausted', 'infrastructure_error']);
/** Between two looks at a run whose trainer waits though nothing is under way. */
const STARVED_POLL_MS = 50;
const FIRST_RETRY_MS = 1_000;
const MAX_RETRY_MS = 30_000;
/** Backlog tasks that wait for their turn. */
const MAX_BACKLOG = 1_024;

/** Orders groups for one run, task after task, as fast as they are taken. */
export class RunPlayer {
  readonly kick = new Notifier();
  /** What holds it up, in words; empty for nothing. */
  problem = '';
  readonly #options: RunPlayerOptions;
  readonly #waste = new WasteWatch();
  readonly #backlog = new Map<string, Assignment>();
  #number = 0;

  constructor(options: RunPlayerOptions) {
    this.#options = options;
  }

  /** Takes tasks that come before new ones, as far as there is room; tells how many it had none for. */
  takeBacklog(assignments: readonly Assignment[]): number {
    let refused = 0;
    for (const assignment of assignments) {
      if (this.#backlog.size < MAX_BACKLOG) this.#backlog.set(assignment.id, assignment);
      else refused += 1;
    }
    this.kick.notify();
    return refused;
  }

  /** Plays until the run is closed or the signal fires. A source that fails is asked again, later and later. */
  async play(): Promise<void> {
    const { runId, autoPlay, broker, environmentOf, logger, signal } = this.#options;
    const status = await broker.status(runId);
    // Ids of an earlier start of the server are taken, so the count goes on behind them.
    this.#number = status.acceptedGroups + status.openAssignments + sum(status.droppedGroups);
    let retryMs = FIRST_RETRY_MS;
    while (!signal.aborted) {
      const before = this.#number;
      try {
        await using tasks = taskMixture(autoPlay.environments, environmentOf, before, signal);
        await this.#playFrom(tasks);
        return;
      } catch (error) {
        if (signal.aborted) return;
        if (this.#number > before) retryMs = FIRST_RETRY_MS;
        this.problem = `the tasks can't be read: ${errorMessage(error)}`;
        logger.error('auto play waits', { runId, problem: this.problem, retryMs, error });
        await pause(retryMs, signal);
        if ((await broker.getRun(runId)).closed) return;
        retryMs = Math.min(retryMs * 2, MAX_RETRY_MS);
      }
    }
  }

  async #playFrom(tasks: TaskMixture): Promise<void> {
    const { runId, autoPlay, broker, pollMs, signal } = this.#options;
    let starvedChecks = 0;
    while (!signal.aborted) {
      const since = this.kick.version;
      const now = await broker.status(runId);
      if (now.run.closed) return;
      await this.#slowDown(now);
      // Groups can be enough in number and still not make an exact batch; then one more is due. It
      // is looked at twice, since a batch that is just being cut looks the same.
      const starves = this.#starves(now);
      starvedChecks = starves ? starvedChecks + 1 : 0;
      const extra = starvedChecks > 1 ? 1 : 0;
      const wanted = groupsToAssign(autoPlay, now) || extra;
      if (wanted > 0 && (await this.#order(tasks, now, wanted)) > 0) starvedChecks = 0;
      const timeoutMs = starves ? STARVED_POLL_MS : pollMs;
      await this.kick.wait({ signal, timeoutMs, ...(!starves && { since }) });
    }
  }

  /** Orders up to so many groups, the backlog's first. What was drawn before a source failed is ordered too. */
  async #order(tasks: TaskMixture, status: RunStatus, wanted: number): Promise<number> {
    const { runId, autoPlay } = this.#options;
    const open = new Map(Object.entries(status.openByEnvironment));
    const assignments: Assignment[] = [];
    const add = (assignment: Assignment): void => {
      assignments.push(assignment);
      open.set(assignment.environment, (open.get(assignment.environment) ?? 0) + 1);
    };
    for (const [id, assignment] of this.#backlog) {
      if (assignments.length === wanted) break;
      this.#backlog.delete(id);
      add(assignment);
    }
    try {
      while (assignments.length < wanted) {
        const next = await tasks.next(
          (part) => (open.get(part.environment) ?? 0) < openLimitOf(part, autoPlay),
        );
        if (next === undefined) break;
        this.#number += 1;
        add({
          id: `${runId}-auto-${this.#number}`,
          runId,
          environment: next.part.environment,
          task: { kind: 'given', task: next.task },
          groupSize: next.part.groupSize,
          sampling: {},
          limits: {},
        });
      }
    } finally {
      if (assignments.length > 0) await this.#enqueue(assignments);
    }
    return assignments.length;
  }

  /** Waits where nothing comes of what is played, and says so. */
  async #slowDown(status: RunStatus): Promise<void> {
    const { runId, logger, signal } = this.#options;
    const { delayMs, why } = this.#waste.look(status);
    if (delayMs === 0) {
      this.problem = '';
      return;
    }
    if (this.problem === '') logger.warn('auto play slows down', { runId, why });
    this.problem = why;
    await pause(delayMs, signal);
  }

  /** Tries until the queue takes them, so that no task is passed over. */
  async #enqueue(assignments: readonly Assignment[]): Promise<void> {
    const { runId, enqueue, logger, pollMs, signal } = this.#options;
    for (;;) {
      try {
        return await enqueue(assignments);
      } catch (error) {
        const passes = error instanceof LachesisError && PASSING.has(error.kind);
        if (!passes || signal.aborted) throw error;
        logger.warn('auto play waits', { runId, error });
        await pause(pollMs, signal);
      }
    }
  }

  #starves({ openAssignments, leasedBatches, waitingGroups }: RunStatus): boolean {
    const idle = openAssignments === 0 && leasedBatches === 0 && waitingGroups > 0;
    return idle && this.#options.isAsked();
  }
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}
