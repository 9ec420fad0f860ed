import type { TaskSource } from '../../environment.ts';
import { countOfParts, getFromParts, namedParts, type TaskPart } from './parts.ts';
import { onceReady, type Reading, readingFrom, signalOnly } from './source-of.ts';

/** One source after the other; every source but the last must have an end. Keys become `name/key`. */
export function concatTasks<Data>(sources: readonly TaskPart<Data>[]): TaskSource<Data> {
  const parts = namedParts('concatTasks', sources);
  const ready = onceReady(async (signal) => {
    for (const { source } of parts) await source.prepare?.(signalOnly(signal));
  });
  return Object.freeze({
    get count() {
      return countOfParts(parts);
    },
    async *tasks({ from = 0, signal }: Reading = {}) {
      await ready(signal);
      let toSkip = from;
      for (const { source, task } of parts) {
        const { count } = source;
        if (count !== undefined && toSkip >= count) {
          toSkip -= count;
          continue;
        }
        // What does not know its length may end before the cursor, so it is read from its beginning.
        const begin = count === undefined ? 0 : toSkip;
        toSkip -= begin;
        for await (const own of source.tasks(readingFrom(begin, signal))) {
          if (toSkip > 0) toSkip -= 1;
          else yield task(own);
        }
      }
    },
    get: (key: string) => getFromParts(parts, key),
    async prepare({ signal }: { readonly signal?: AbortSignal } = {}) {
      await ready(signal);
    },
  });
}
