import type { Task } from '../../contract/index.ts';
import { LachesisError } from '../../errors.ts';
import type { HostedEnvironment } from '../environment.ts';

/** Tasks passed over between two looks at the rest of the process: sources may never wait for anything. */
const YIELD_EVERY = 256;
/** An endless source that has no task of a split in so many has none. */
const MAX_PASSED = 100_000;

/**
 * An environment's tasks of one split, from a position of its source on; all of them for an empty
 * split. Passing over others holds nobody up and ends: throws failed_precondition NO_TASKS for an endless
 * source that brings none.
 */
export async function* tasksOfSplit(
  { name, tasks }: Pick<HostedEnvironment, 'name' | 'tasks'>,
  split: string,
  options: { readonly from?: number; readonly signal: AbortSignal },
): AsyncGenerator<Task, void, void> {
  let passed = 0;
  for await (const task of tasks.tasks(options)) {
    if (split === '' || task.split === split) {
      passed = 0;
      yield task;
      continue;
    }
    passed += 1;
    if (passed % YIELD_EVERY === 0) {
      await new Promise((resolve) => setImmediate(resolve));
      options.signal.throwIfAborted();
    }
    if (tasks.count === undefined && passed >= MAX_PASSED) throw noTasksOf(name, split, passed);
  }
}

/** What is wrong with an environment that has no task of a split. */
export function noTasksOf(name: string, split: string, passed?: number): LachesisError {
  const where = passed === undefined ? '' : ` among ${passed} tasks in a row`;
  return new LachesisError(
    'failed_precondition',
    `Environment "${name}" has no task of split "${split}"${where}.`,
    { reason: 'NO_TASKS', remedy: 'Name a split that it has, or leave it empty.' },
  );
}
