import type { Task } from '../../contract/index.ts';
import { invalidInput } from '../../errors.ts';
import type { TaskInput, TaskSource } from '../environment.ts';

/** A task as its author wrote it, with the key and the split that it gets when they were left out. */
export function taskOf<Data>(input: TaskInput<Data>, position: number): Task<Data> {
  return Object.freeze({
    key: input.key ?? String(position),
    split: input.split ?? '',
    data: input.data,
  });
}

/** Tasks that are all in memory. Throws for two with one key. */
export function arraySource<Data>(inputs: readonly TaskInput<Data>[]): TaskSource<Data> {
  const byKey = new Map<string, Task<Data>>();
  inputs.forEach((input, position) => {
    if (input === null || typeof input !== 'object' || !('data' in input)) {
      throw invalidInput(`tasks[${position}]`, 'has no data; write { data: ... }.');
    }
    const task = taskOf(input, position);
    if (task.key === '') throw invalidInput(`tasks[${position}].key`, 'is empty.');
    if (byKey.has(task.key)) {
      throw invalidInput(`tasks[${position}].key`, `is \`${task.key}\`, as another task's is.`);
    }
    byKey.set(task.key, task);
  });
  const all = [...byKey.values()];
  return Object.freeze({
    count: all.length,
    async *tasks(options: { readonly from?: number; readonly signal?: AbortSignal } = {}) {
      for (const task of all.slice(options.from ?? 0)) {
        options.signal?.throwIfAborted();
        yield task;
      }
    },
    get: async (key: string) => byKey.get(key),
    at: async (position: number) => all[position],
  });
}
