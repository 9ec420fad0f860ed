import type { Task } from '../../../contract/index.ts';
import type { TaskSource } from '../../environment.ts';
import { type Reading, signalOnly, sourceOf, type TasksLike } from './source-of.ts';

/** The same tasks with other data; keys and splits stay. `map` must give the same for the same task. */
export function mapTasks<Data, Mapped>(
  tasks: TasksLike<Data>,
  map: (data: Data, task: Task<Data>) => Mapped | Promise<Mapped>,
): TaskSource<Mapped> {
  return relabelled(tasks, async (task) => ({ ...task, data: await map(task.data, task) }));
}

/** A view, task by task, in the same order and under the same keys. */
export function relabelled<Data, Mapped>(
  tasks: TasksLike<Data>,
  change: (task: Task<Data>) => Task<Mapped> | Promise<Task<Mapped>>,
): TaskSource<Mapped> {
  const source = sourceOf(tasks);
  const at = source.at?.bind(source);
  return Object.freeze({
    get count() {
      return source.count;
    },
    async *tasks(reading: Reading = {}) {
      for await (const task of source.tasks(reading)) yield await change(task);
    },
    async get(key: string) {
      const task = await source.get(key);
      return task === undefined ? undefined : await change(task);
    },
    ...(at === undefined
      ? {}
      : {
          async at(position: number) {
            const task = await at(position);
            return task === undefined ? undefined : await change(task);
          },
        }),
    async prepare({ signal }: { readonly signal?: AbortSignal } = {}) {
      await source.prepare?.(signalOnly(signal));
    },
  });
}
