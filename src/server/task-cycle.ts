import type { Task } from '../contract/index.ts';
import type { TaskSource } from '../environment/index.ts';
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
          throw noTasks(split);
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

/** Throws unless the source has a task of the split: a run that would wait for ever is refused when it is opened. */
export async function assertHasTask(
  source: TaskSource,
  split: string,
  signal: AbortSignal,
): Promise<void> {
  for await (const task of source.tasks({ signal })) {
    if (split === '' || task.split === split) return;
  }
  throw noTasks(split);
}

function noTasks(split: string): LachesisError {
  return new LachesisError('failed_precondition', `the source has no task of split "${split}".`, {
    reason: 'NO_TASKS',
    remedy: 'Name a split that it has, or leave it empty.',
  });
}
