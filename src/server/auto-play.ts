import type { AutoPlay as AutoPlaySettings, Broker, RunState, RunStatus } from '../broker/index.ts';
import type { Assignment, Task } from '../contract/index.ts';
import type { TaskSource } from '../environment/index.ts';
import { LachesisError } from '../errors.ts';
import type { Logger } from '../telemetry/index.ts';
import { Notifier } from './notifier.ts';

/** How many groups to order now, from the figures of a run alone. */
export function groupsToAssign(autoPlay: AutoPlaySettings, status: RunStatus): number {
  if (status.run.closed) return 0;
  const held = autoPlay.maxBatchesAhead > 0 && batchesWaiting(status) >= autoPlay.maxBatchesAhead;
  if (held) return 0;
  const room = Math.min(autoPlay.maxAhead, status.run.settings.maxWaitingGroups);
  return Math.max(0, room - status.openAssignments - status.waitingGroups);
}

function batchesWaiting(status: RunStatus): number {
  const size = status.run.settings.batchSize;
  switch (size.kind) {
    case 'rows':
      return status.waitingRows / size.rows;
    case 'tokens':
      return status.waitingTokens / size.tokens;
    case 'groups':
      return status.waitingGroups / size.groups;
  }
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

/** Orders groups for the runs that ask for it, task after task, as fast as they are taken. */
export class AutoPlay implements AsyncDisposable {
  readonly #options: AutoPlayOptions;
  readonly #runs = new Map<string, { readonly kick: Notifier; readonly done: Promise<void> }>();
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

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await Promise.all([...this.#runs.values()].map(({ done }) => done));
  }

  async #play(runId: string, autoPlay: AutoPlaySettings, kick: Notifier): Promise<void> {
    const { broker, tasksOf, enqueue, pollMs = 1_000 } = this.#options;
    const { signal } = this.#closing;
    const status = await broker.status(runId);
    // Ids of an earlier start of the server are taken, so the count goes on behind them.
    let number = status.acceptedGroups + status.openAssignments + sum(status.droppedGroups);
    await using tasks = taskCycle(tasksOf(autoPlay.environment), autoPlay.split, number, signal);
    while (!signal.aborted) {
      const since = kick.version;
      const now = await broker.status(runId);
      if (now.run.closed) return;
      const assignments: Assignment[] = [];
      for (let count = groupsToAssign(autoPlay, now); count > 0; count -= 1) {
        const task = await tasks.next();
        number += 1;
        assignments.push({
          id: `${runId}-auto-${number}`,
          runId,
          environment: autoPlay.environment,
          task: { kind: 'given', task },
          groupSize: autoPlay.groupSize,
          sampling: {},
          limits: {},
        });
      }
      if (assignments.length > 0) await enqueue(assignments);
      await kick.wait({ since, timeoutMs: pollMs, signal });
    }
  }
}

/** Tasks of a split in the source's order, from the start again at its end. */
export function taskCycle(
  source: TaskSource,
  split: string,
  skip: number,
  signal: AbortSignal,
): AsyncDisposable & { next(): Promise<Task> } {
  // Without a split filter the cursor is exact; with one, positions of the split are unknown.
  const count = source.count;
  const from = split === '' && count !== undefined && count > 0 ? skip % count : 0;
  let iterator = source.tasks({ from, signal })[Symbol.asyncIterator]();
  let foundInRound = from > 0;
  return {
    next: async () => {
      for (;;) {
        const { done, value } = await iterator.next();
        if (done !== true) {
          if (split !== '' && value.split !== split) continue;
          foundInRound = true;
          return value;
        }
        signal.throwIfAborted();
        if (!foundInRound) {
          throw new LachesisError(
            'failed_precondition',
            `the source has no task of split "${split}".`,
            {
              reason: 'NO_TASKS',
              remedy: 'Name a split that it has, or leave it empty.',
            },
          );
        }
        foundInRound = false;
        iterator = source.tasks({ from: 0, signal })[Symbol.asyncIterator]();
      }
    },
    [Symbol.asyncDispose]: async () => {
      await iterator.return?.();
    },
  };
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}
