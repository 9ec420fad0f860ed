import type { Task } from '../../contract/index.ts';
import { invalidInput } from '../../errors.ts';
import { seededRandom } from '../../random.ts';
import type { TaskSource } from '../environment.ts';

export interface GeneratedOptions {
  /** Changes every task; the same seed gives the same tasks. Default: 0. */
  readonly seed?: number;
  /** Default: endless. */
  readonly count?: number;
  readonly split?: string;
}

/**
 * Tasks made from their position, which is their key. Each gets its own random source from the seed
 * and the position, so any task can be made again, alone and in any order.
 */
export function generated<Data>(
  make: (index: number, random: () => number) => Data | Promise<Data>,
  options: GeneratedOptions = {},
): TaskSource<Data> {
  const { seed = 0, count, split = '' } = options;
  if (count !== undefined && !(Number.isInteger(count) && count >= 1)) {
    throw invalidInput('generated.count', `is ${count}; a whole number of at least 1 is needed.`);
  }
  const taskAt = async (index: number): Promise<Task<Data>> => ({
    key: String(index),
    split,
    data: await make(index, seededRandom('task', seed, index)),
  });
  const at = async (index: number): Promise<Task<Data> | undefined> =>
    count !== undefined && index >= count ? undefined : taskAt(index);
  return Object.freeze({
    count,
    at,
    async *tasks(range: { readonly from?: number; readonly signal?: AbortSignal } = {}) {
      for (let index = range.from ?? 0; count === undefined || index < count; index++) {
        range.signal?.throwIfAborted();
        yield await taskAt(index);
      }
    },
    async get(key: string) {
      if (!/^(0|[1-9][0-9]{0,14})$/.test(key)) return undefined;
      return at(Number(key));
    },
  });
}
