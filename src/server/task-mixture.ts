import type { AutoPlayEnvironment } from '../broker/index.ts';
import type { Task } from '../contract/index.ts';
import { type TaskSource, WeightedTurns } from '../environment/index.ts';
import { taskCycle } from './task-cycle.ts';

/** A task, and the environment whose turn it was. */
export interface MixedTask {
  readonly part: AutoPlayEnvironment;
  readonly task: Task;
}

/**
 * Tasks of a run's environments in turn, by their weights, without end. `skip`: how many were taken
 * before, so that a restart goes on behind them.
 */
export function taskMixture(
  parts: readonly AutoPlayEnvironment[],
  tasksOf: (environment: string) => TaskSource,
  skip: number,
  signal: AbortSignal,
): AsyncDisposable & { next(): Promise<MixedTask> } {
  const turns = new WeightedTurns(parts.map(({ weight }) => weight));
  for (let turn = 0; turn < skip; turn++) turns.next();
  const cycles = parts.map(({ environment, split }, place) =>
    taskCycle(tasksOf(environment), split, turns.taken(place), signal),
  );
  return {
    next: async () => {
      const place = turns.next() ?? 0;
      const part = parts[place] as AutoPlayEnvironment;
      const cycle = cycles[place] as (typeof cycles)[number];
      return { part, task: await cycle.next() };
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(cycles.map((cycle) => cycle[Symbol.asyncDispose]()));
    },
  };
}
