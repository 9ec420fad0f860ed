import type { Task } from '../contract/index.ts';
import type { HostedEnvironment, TaskSource } from '../environment/index.ts';
import { LachesisError } from '../errors.ts';

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
          throw noTasks('The source', split);
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

/** Throws unless the environment has a task of the split: a run that would wait for ever is refused when it is opened. */
export async function assertHasTask(
  { name, tasks }: Pick<HostedEnvironment, 'name' | 'tasks'>,
  split: string,
  signal: AbortSignal,
): Promise<void> {
  for await (const task of tasks.tasks({ signal })) {
    if (split === '' || task.split === split) return;
  }
  throw noTasks(`Environment "${name}"`, split);
}

function noTasks(what: string, split: string): LachesisError {
  return new LachesisError('failed_precondition', `${what} has no task of split "${split}".`, {
    reason: 'NO_TASKS',
    remedy: 'Name a split that it has, or leave it empty.',
  });
}
