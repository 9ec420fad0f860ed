import type { AutoPlayEnvironment } from '../broker/index.ts';
import type { Task } from '../contract/index.ts';
import { type HostedEnvironment, WeightedTurns } from '../environment/index.ts';
import { taskCycle } from './task-cycle.ts';

/** A task, and the environment whose turn it was. */
export interface MixedTask {
  readonly part: AutoPlayEnvironment;
  readonly task: Task;
}

export interface TaskMixture extends AsyncDisposable {
  /** Undefined when no environment is free; one that is passed over keeps its turn. */
  next(isFree?: (part: AutoPlayEnvironment) => boolean): Promise<MixedTask | undefined>;
}

/**
 * Tasks of a run's environments in turn, by their weights, without end. `skip`: how many were taken
 * before, so that a restart goes on behind them.
 */
export function taskMixture(
  parts: readonly AutoPlayEnvironment[],
  environmentOf: (name: string) => Pick<HostedEnvironment, 'name' | 'tasks'>,
  skip: number,
  signal: AbortSignal,
): TaskMixture {
  const turns = new WeightedTurns(parts.map(({ weight }) => weight));
  for (let turn = 0; turn < skip; turn++) turns.next();
  const cycles = parts.map(({ environment, split }, place) =>
    taskCycle(environmentOf(environment), split, turns.taken(place), signal),
  );
  return {
    next: async (isFree = () => true) => {
      const place = turns.next((at) => isFree(parts[at] as AutoPlayEnvironment));
      if (place === undefined) return undefined;
      const cycle = cycles[place] as (typeof cycles)[number];
      return { part: parts[place] as AutoPlayEnvironment, task: await cycle.next() };
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(cycles.map((cycle) => cycle[Symbol.asyncDispose]()));
    },
  };
}
