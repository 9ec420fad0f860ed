import type { Task } from '../../../contract/index.ts';
import { invalidInput } from '../../../errors.ts';
import { seededRandom } from '../../../random.ts';
import type { TaskSource } from '../../environment.ts';
import {
  onceReady,
  type Reading,
  signalOnly,
  sourceOf,
  type TasksLike,
  wholeNumber,
} from './source-of.ts';

/**
 * The same tasks in an order drawn from the seed: a permutation (Fisher-Yates), so each is there
 * once. Needs a source with an end; take a head of an endless one first. A source that can't be read
 * by position is read once for its keys.
 */
export function shuffleTasks<Data>(tasks: TasksLike<Data>, seed: number): TaskSource<Data> {
  const source = sourceOf(tasks);
  const words = wholeNumber('shuffleTasks.seed', seed);
  let order: Uint32Array | undefined;
  let keys: readonly string[] | undefined;

  const ready = onceReady(async (signal) => {
    await source.prepare?.(signalOnly(signal));
    const { count } = source;
    if (count === undefined) {
      throw invalidInput('shuffleTasks', 'the tasks have no known end.', {
        reason: 'ENDLESS_TASKS',
        remedy: 'Take a head first: shuffleTasks(takeTasks(source, 10_000), seed).',
      });
    }
    if (source.at === undefined) keys = await keysOf(source, signal);
    order = permutation(count, words);
  });

  const at = async (position: number): Promise<Task<Data> | undefined> => {
    await ready();
    const place = order?.[position];
    if (place === undefined) return undefined;
    if (keys === undefined) return source.at?.(place);
    const key = keys[place];
    return key === undefined ? undefined : source.get(key);
  };

  return Object.freeze({
    get count() {
      return source.count;
    },
    async *tasks({ from = 0, signal }: Reading = {}) {
      await ready(signal);
      for (let position = from; ; position++) {
        signal?.throwIfAborted();
        const task = await at(position);
        if (task === undefined) return;
        yield task;
      }
    },
    get: (key: string) => source.get(key),
    at,
    async prepare({ signal }: { readonly signal?: AbortSignal } = {}) {
      await ready(signal);
    },
  });
}

function permutation(length: number, seed: number): Uint32Array {
  const order = Uint32Array.from({ length }, (_, place) => place);
  const random = seededRandom('shuffle', seed);
  for (let last = length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    const held = order[last] as number;
    order[last] = order[other] as number;
    order[other] = held;
  }
  return order;
}

async function keysOf<Data>(
  source: TaskSource<Data>,
  signal: AbortSignal | undefined,
): Promise<readonly string[]> {
  const keys: string[] = [];
  for await (const { key } of source.tasks(signalOnly(signal))) keys.push(key);
  return keys;
}
