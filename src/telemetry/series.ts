import type { Labels } from './metric.ts';

/** What every label of the series beyond the bound reads. */
export const OVERFLOW_LABEL = 'other';

/**
 * The values of one metric by its label values. At most `maxSeries` are kept: a label that
 * turns out to be unbounded (a peer's path, an id) lands in one shared series, not in memory.
 */
export class SeriesMap<T> {
  readonly #labelNames: readonly string[];
  readonly #maxSeries: number;
  readonly #create: () => T;
  readonly #series = new Map<string, { readonly values: readonly string[]; readonly state: T }>();

  constructor(labelNames: readonly string[], maxSeries: number, create: () => T) {
    this.#labelNames = labelNames;
    this.#maxSeries = maxSeries;
    this.#create = create;
  }

  /** The state of a series, made on first use. Unknown or missing labels throw TypeError. */
  at(labels: Labels = {}): T {
    const values = this.#valuesOf(labels);
    const key = keyOf(values);
    const known = this.#series.get(key);
    if (known !== undefined) return known.state;
    if (values.length > 0 && this.#series.size >= this.#maxSeries) {
      const overflow = values.map(() => OVERFLOW_LABEL);
      return this.#put(keyOf(overflow), overflow);
    }
    return this.#put(key, values);
  }

  /** The state of a series if it exists. */
  peek(labels: Labels = {}): T | undefined {
    return this.#series.get(keyOf(this.#valuesOf(labels)))?.state;
  }

  *entries(): Iterable<readonly [readonly string[], T]> {
    for (const { values, state } of this.#series.values()) yield [values, state];
  }

  #put(key: string, values: readonly string[]): T {
    const known = this.#series.get(key);
    if (known !== undefined) return known.state;
    const state = this.#create();
    this.#series.set(key, { values, state });
    return state;
  }

  #valuesOf(labels: Labels): readonly string[] {
    const given = Object.keys(labels);
    if (given.length !== this.#labelNames.length) throw this.#mismatch(given);
    return this.#labelNames.map((name) => {
      const value = labels[name];
      if (value === undefined) throw this.#mismatch(given);
      return value;
    });
  }

  #mismatch(given: readonly string[]): TypeError {
    return new TypeError(
      `labels [${given.join(', ')}] given where the metric declares [${this.#labelNames.join(', ')}]`,
    );
  }
}

/** Label values may hold any character, so they are joined by lengths rather than by a separator. */
function keyOf(values: readonly string[]): string {
  return values.length === 1
    ? values[0]!
    : values.map((value) => `${value.length}:${value}`).join('');
}
