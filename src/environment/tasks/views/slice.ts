import type { TaskSource } from '../../environment.ts';
import { nth } from './filter.ts';
import {
  type Reading,
  readingFrom,
  signalOnly,
  sourceOf,
  type TasksLike,
  wholeNumber,
} from './source-of.ts';

/** The first `most` tasks, or all when there are fewer. Makes an endless source one with an end. */
export function takeTasks<Data>(tasks: TasksLike<Data>, most: number): TaskSource<Data> {
  return slice(tasks, 0, wholeNumber('takeTasks.most', most));
}

/** All tasks but the first `number`. */
export function skipTasks<Data>(tasks: TasksLike<Data>, number: number): TaskSource<Data> {
  return slice(tasks, wholeNumber('skipTasks.number', number), Number.POSITIVE_INFINITY);
}

function slice<Data>(tasks: TasksLike<Data>, begin: number, most: number): TaskSource<Data> {
  const source = sourceOf(tasks);
  let prepared = source.prepare === undefined;

  /** Keys of the part that is read to tell whether a task is in the view: the head, which has an end. */
  let headKeys: Promise<ReadonlySet<string>> | undefined;
  const keysOfHead = (): Promise<ReadonlySet<string>> => {
    headKeys ??= readKeys(source, begin > 0 ? begin : most).catch((error: unknown) => {
      headKeys = undefined;
      throw error;
    });
    return headKeys;
  };

  return Object.freeze({
    get count() {
      if (source.count !== undefined) {
        return Math.min(most, Math.max(0, source.count - begin));
      }
      // Endless, once it had its chance to count.
      return prepared && Number.isFinite(most) ? most : undefined;
    },
    async *tasks({ from = 0, signal }: Reading = {}) {
      let left = most - from;
      if (left <= 0) return;
      for await (const task of source.tasks(readingFrom(begin + from, signal))) {
        yield task;
        left -= 1;
        if (left <= 0) return;
      }
    },
    async get(key: string) {
      const task = await source.get(key);
      if (task === undefined) return undefined;
      const inHead = (await keysOfHead()).has(key);
      return inHead === (begin === 0) ? task : undefined;
    },
    async at(position: number) {
      if (!(position >= 0 && position < most)) return undefined;
      return source.at === undefined ? nth(source, begin + position) : source.at(begin + position);
    },
    async prepare({ signal }: { readonly signal?: AbortSignal } = {}) {
      await source.prepare?.(signalOnly(signal));
      prepared = true;
    },
  });
}

async function readKeys<Data>(
  source: TaskSource<Data>,
  most: number,
): Promise<ReadonlySet<string>> {
  const keys = new Set<string>();
  if (most === 0) return keys;
  let read = 0;
  for await (const { key } of source.tasks()) {
    keys.add(key);
    read += 1;
    if (read >= most) break;
  }
  return keys;
}
