import {
  type Counter,
  DURATION_BUCKETS_SECONDS,
  type Gauge,
  type Histogram,
  type MetricDescription,
  type MetricKind,
} from './metric.ts';
import { SeriesMap } from './series.ts';

/** A histogram series: how many values fell in each bucket (not cumulated), their sum and count. */
export interface HistogramState {
  readonly counts: number[];
  sum: number;
  count: number;
}

/** One metric as a renderer sees it; `series` are label values in the order of `labels`. */
export type MetricSnapshot = {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
} & (
  | {
      readonly kind: 'counter' | 'gauge';
      readonly series: readonly (readonly [readonly string[], number])[];
    }
  | {
      readonly kind: 'histogram';
      readonly bounds: readonly number[];
      readonly series: readonly (readonly [readonly string[], Readonly<HistogramState>])[];
    }
);

export interface MetricsRegistryOptions {
  /** Most series of one metric; later ones share a series labelled `other`. Default: 1,000. */
  readonly maxSeriesPerMetric?: number;
}

interface Registered {
  readonly kind: MetricKind;
  readonly signature: string;
  readonly metric: Counter | Gauge | Histogram;
  snapshot(): MetricSnapshot;
}

const NAME = /^[a-z][a-z0-9_]*$/;

/**
 * The metrics of one server. Made by whoever starts it and handed down: there is no global one.
 * Asking twice for the same name and shape gives the same metric; another shape throws.
 */
export class MetricsRegistry {
  readonly #maxSeries: number;
  readonly #metrics = new Map<string, Registered>();

  constructor(options: MetricsRegistryOptions = {}) {
    this.#maxSeries = options.maxSeriesPerMetric ?? 1_000;
  }

  counter(description: MetricDescription): Counter {
    return this.#register('counter', description, '', (labels) => {
      const series = new SeriesMap(labels, this.#maxSeries, () => ({ value: 0 }));
      const metric: Counter = {
        add(amount = 1, at) {
          if (!(amount >= 0) || amount === Infinity) {
            throw new RangeError(`counter ${description.name} may not grow by ${amount}`);
          }
          series.at(at).value += amount;
        },
        value: (at) => series.peek(at)?.value ?? 0,
      };
      return { metric, read: () => ({ kind: 'counter', series: values(series) }) };
    });
  }

  gauge(description: MetricDescription): Gauge {
    return this.#register('gauge', description, '', (labels) => {
      const series = new SeriesMap(labels, this.#maxSeries, () => ({ value: 0 }));
      const metric: Gauge = {
        set(value, at) {
          series.at(at).value = value;
        },
        add(amount, at) {
          series.at(at).value += amount;
        },
        value: (at) => series.peek(at)?.value ?? 0,
      };
      return { metric, read: () => ({ kind: 'gauge', series: values(series) }) };
    });
  }

  /** `bounds` are upper bounds, ascending; default: durations in seconds. */
  histogram(description: MetricDescription & { readonly bounds?: readonly number[] }): Histogram {
    const bounds = Object.freeze([...(description.bounds ?? DURATION_BUCKETS_SECONDS)]);
    if (bounds.some((bound, index) => !(bound > (bounds[index - 1] ?? -Infinity)))) {
      throw new RangeError(`bounds of ${description.name} must ascend, got [${bounds.join(', ')}]`);
    }
    return this.#register('histogram', description, bounds.join(), (labels) => {
      const series = new SeriesMap(labels, this.#maxSeries, (): HistogramState => {
        return { counts: new Array<number>(bounds.length + 1).fill(0), sum: 0, count: 0 };
      });
      const metric: Histogram = {
        observe(value, at) {
          const state = series.at(at);
          const bucket = bounds.findIndex((bound) => value <= bound);
          const slot = bucket < 0 ? bounds.length : bucket;
          state.counts[slot] = state.counts[slot]! + 1;
          state.sum += value;
          state.count += 1;
        },
        summary: (at) => {
          const state = series.peek(at);
          return { count: state?.count ?? 0, sum: state?.sum ?? 0 };
        },
      };
      return { metric, read: () => ({ kind: 'histogram', bounds, series: [...series.entries()] }) };
    });
  }

  /** Every metric, in the order in which it was first asked for. */
  snapshot(): readonly MetricSnapshot[] {
    return [...this.#metrics.values()].map((registered) => registered.snapshot());
  }

  #register<M extends Counter | Gauge | Histogram>(
    kind: MetricKind,
    description: MetricDescription,
    extra: string,
    make: (labels: readonly string[]) => { readonly metric: M; read(): SnapshotBody },
  ): M {
    const { name, help } = description;
    const labels = Object.freeze([...(description.labels ?? [])]);
    for (const part of [name, ...labels]) {
      if (!NAME.test(part)) {
        throw new TypeError(`"${part}" is no metric or label name; use lower snake case`);
      }
    }
    const signature = `${kind}(${labels.join()})${extra}`;
    const known = this.#metrics.get(name);
    if (known !== undefined) {
      if (known.signature !== signature) {
        throw new TypeError(`metric ${name} is ${known.signature} already, asked as ${signature}`);
      }
      return known.metric as M;
    }
    const { metric, read } = make(labels);
    this.#metrics.set(name, {
      kind,
      signature,
      metric,
      snapshot: () => ({ name, help, labels, ...read() }),
    });
    return metric;
  }
}

type SnapshotBody =
  | Omit<Extract<MetricSnapshot, { kind: 'counter' | 'gauge' }>, 'name' | 'help' | 'labels'>
  | Omit<Extract<MetricSnapshot, { kind: 'histogram' }>, 'name' | 'help' | 'labels'>;

function values(
  series: SeriesMap<{ value: number }>,
): readonly (readonly [readonly string[], number])[] {
  return [...series.entries()].map(([labels, state]) => [labels, state.value] as const);
}
