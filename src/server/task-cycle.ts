import type { Task } from '../contract/index.ts';
import { type HostedEnvironment, noTasksOf, tasksOfSplit } from '../environment/index.ts';

type Played = Pick<HostedEnvironment, 'name' | 'tasks'>;

/** Tasks of a split in the source's order, from the start again at its end. */
export function taskCycle(
  environment: Played,
  split: string,
  skip: number,
  signal: AbortSignal,
): AsyncDisposable & { next(): Promise<Task> } {
  // Without a split filter the cursor is exact; with one, positions of the split are unknown.
  const { count } = environment.tasks;
  const from = split === '' && count !== undefined && count > 0 ? skip % count : 0;
  let iterator = tasksOfSplit(environment, split, { from, signal });
  let foundInRound = from > 0;
  return {
    next: async () => {
      for (;;) {
        const { done, value } = await iterator.next();
        if (done !== true) {
          foundInRound = true;
          return value;
        }
        signal.throwIfAborted();
        if (!foundInRound) throw noTasksOf(environment.name, split);
        foundInRound = false;
        iterator = tasksOfSplit(environment, split, { signal });
      }
    },
    [Symbol.asyncDispose]: async () => {
      await iterator.return();
    },
  };
}

/** Throws unless the environment has a task of the split: a run that would wait for ever is refused when it is opened. */
export async function assertHasTask(
  environment: Played,
  split: string,
  signal: AbortSignal,
): Promise<void> {
  for await (const _ of tasksOfSplit(environment, split, { signal })) return;
  throw noTasksOf(environment.name, split);
}
