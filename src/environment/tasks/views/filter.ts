import type { Task } from '../../../contract/index.ts';
import type { TaskSource } from '../../environment.ts';
import {
  onceReady,
  type Reading,
  readingFrom,
  signalOnly,
  sourceOf,
  type TasksLike,
} from './source-of.ts';

/**
 * The tasks that `keep` accepts, in their order; it must answer the same for the same task. Of a
 * source with an end, `prepare` reads all once, so that the count is known and a cursor costs nothing;
 * of an endless one, starting at a cursor reads what lies before it.
 */
export function filterTasks<Data>(
  tasks: TasksLike<Data>,
  keep: (task: Task<Data>) => boolean,
): TaskSource<Data> {
  const source = sourceOf(tasks);
  /** Where in the source each kept task stands. */
  let places: readonly number[] | undefined;

  const ready = onceReady(async (signal) => {
    await source.prepare?.(signalOnly(signal));
    if (source.count === undefined) return;
    const found: number[] = [];
    let position = 0;
    for await (const task of source.tasks(signalOnly(signal))) {
      if (keep(task)) found.push(position);
      position += 1;
    }
    places = found;
  });

  const at = source.at?.bind(source);
  async function* read({ from = 0, signal }: Reading = {}) {
    const begin = places === undefined ? 0 : places[from];
    if (begin === undefined) return;
    let toSkip = places === undefined ? from : 0;
    for await (const task of source.tasks(readingFrom(begin, signal))) {
      if (!keep(task)) continue;
      if (toSkip > 0) toSkip -= 1;
      else yield task;
    }
  }

  return Object.freeze({
    get count() {
      return places?.length;
    },
    tasks: read,
    async get(key: string) {
      const task = await source.get(key);
      return task !== undefined && keep(task) ? task : undefined;
    },
    ...(at === undefined
      ? {}
      : {
          async at(position: number) {
            await ready();
            if (places === undefined) return nth({ tasks: read }, position);
            const place = places[position];
            return place === undefined ? undefined : at(place);
          },
        }),
    async prepare({ signal }: { readonly signal?: AbortSignal } = {}) {
      await ready(signal);
    },
  });
}

/** The task at a position, by reading from there. */
export async function nth<Data>(
  source: Pick<TaskSource<Data>, 'tasks'>,
  position: number,
): Promise<Task<Data> | undefined> {
  for await (const task of source.tasks({ from: position })) return task;
  return undefined;
}
