/** Label values of one series, by label name: `{method: 'GetRun', code: 'ok'}`. */
export type Labels = Readonly<Record<string, string>>;

export type MetricKind = 'counter' | 'gauge' | 'histogram';

/** What a metric is called and means. Names are snake case with the unit last: `queue_bytes`. */
export interface MetricDescription {
  readonly name: string;
  readonly help: string;
  /** The names every series must give a value for. Default: none. */
  readonly labels?: readonly string[];
}

/** A total that only grows. */
export interface Counter {
  /** Adds `amount` (1 unless told); a negative or non-finite one throws RangeError. */
  add(amount?: number, labels?: Labels): void;
  value(labels?: Labels): number;
}

/** A level that goes up and down. */
export interface Gauge {
  set(value: number, labels?: Labels): void;
  add(amount: number, labels?: Labels): void;
  value(labels?: Labels): number;
}

/** A distribution over fixed upper bounds (each inclusive; infinity is implied). */
export interface Histogram {
  observe(value: number, labels?: Labels): void;
  /** Count and sum of what one series has seen. */
  summary(labels?: Labels): { readonly count: number; readonly sum: number };
}

/** Upper bounds in seconds, from half a millisecond to ten minutes. */
export const DURATION_BUCKETS_SECONDS: readonly number[] = Object.freeze([
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300,
  600,
]);
