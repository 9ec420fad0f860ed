import { invalidInput } from '../../../errors.ts';
import type { TaskSource } from '../../environment.ts';
import { WeightedTurns } from '../../weighted-turns.ts';
import { countOfParts, getFromParts, namedParts, type TaskPart } from './parts.ts';
import { onceReady, type Reading, readingFrom, signalOnly } from './source-of.ts';

export interface MixturePart<Data> extends TaskPart<Data> {
  /** Above 0; a source of twice the weight gives twice the tasks. */
  readonly weight: number;
}

export interface MixtureOptions {
  /** Changes which source begins. Default: 0. */
  readonly seed?: number;
  /** Begin a source again when it ends, so that the weights hold for ever. Default: false. */
  readonly repeat?: boolean;
}

/**
 * Tasks of several sources in turn, by their weights: in any beginning of the mixture, each source's
 * number of tasks differs from its share by less than the number of sources. A source that ends leaves its turns to the others, unless it is
 * to repeat. Keys become `name/key`.
 */
export function mixture<Data>(
  sources: readonly MixturePart<Data>[],
  options: MixtureOptions = {},
): TaskSource<Data> {
  const { seed = 0, repeat = false } = options;
  const parts = namedParts('mixture', sources);
  const weights = sources.map(({ weight }, place) => {
    if (weight > 0 && Number.isFinite(weight)) return weight;
    throw invalidInput(`mixture[${place}].weight`, `is ${weight}; more than 0 is needed.`);
  });
  const ready = onceReady(async (signal) => {
    for (const [place, { source, name }] of parts.entries()) {
      await source.prepare?.(signalOnly(signal));
      if (repeat && source.count === 0) {
        throw invalidInput(`mixture[${place}]`, `source \`${name}\` is empty and can't repeat.`);
      }
    }
  });

  return Object.freeze({
    get count() {
      return repeat ? undefined : countOfParts(parts);
    },
    async *tasks({ from = 0, signal }: Reading = {}) {
      await ready(signal);
      const counts = parts.map(({ source }) => (repeat ? undefined : source.count));
      const turns = new WeightedTurns(weights, { counts, seed });
      // Where all ends are known, turns alone are counted up to the cursor, and no task is read.
      const countable = parts.every(({ source }) => source.count !== undefined);
      let toSkip = countable ? 0 : from;
      for (let position = toSkip; position < from; position++) turns.next();
      const readers = parts.map(({ source }, place) =>
        repeating(source, turns.taken(place), repeat, signal),
      );
      try {
        for (let place = turns.next(); place !== undefined; place = turns.next()) {
          const next = await readers[place]?.next();
          if (next === undefined || next.done === true) turns.end(place);
          else if (toSkip > 0) toSkip -= 1;
          else yield (parts[place] as (typeof parts)[number]).task(next.value);
        }
      } finally {
        for (const reader of readers) await reader.return(undefined);
      }
    },
    get: (key: string) => getFromParts(parts, key),
    async prepare({ signal }: { readonly signal?: AbortSignal } = {}) {
      await ready(signal);
    },
  });
}

async function* repeating<Data>(
  source: TaskSource<Data>,
  from: number,
  repeat: boolean,
  signal: AbortSignal | undefined,
) {
  const start = repeat && source.count !== undefined ? from % source.count : from;
  yield* source.tasks(readingFrom(start, signal));
  // A pass without a task would spin for ever.
  for (let found = true; repeat && found; ) {
    found = false;
    for await (const task of source.tasks(signalOnly(signal))) {
      found = true;
      yield task;
    }
  }
}
