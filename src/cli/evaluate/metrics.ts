import { type NamedMean, passAtK, RunningMean } from '../../environment/index.ts';
import type { Played } from '../process/play-into-file.ts';
import type { Tally, TaskTally } from '../process/tally.ts';
import { type Interval, meanInterval, wilsonInterval } from './intervals.ts';

/** Names the schema of metrics.json. */
export const METRICS_SCHEMA = 'lachesis.metrics/1';

/** A figure over tasks, for k attempts at each. */
export interface FigureAtK {
  readonly k: number;
  readonly value: number;
  /** 95 %; null where there are too few tasks to tell. */
  readonly interval: Interval | null;
  /** With at least k scored attempts; the others are left out of it. */
  readonly tasks: number;
}

/** A mean over the rollouts that have the number; the others are in none. */
export type MeanFigure = Pick<NamedMean, 'mean' | 'count'>;

/** metrics.json. A rollout that was not scored is in no mean. */
export interface Metrics {
  readonly schema: typeof METRICS_SCHEMA;
  readonly environment: string;
  readonly environment_version: string;
  readonly model: string;
  /** Empty for all. */
  readonly split: string;
  /** False while rows of the selection are still to be played. */
  readonly complete: boolean;
  readonly tasks: number;
  readonly attempts: number;
  readonly rows: { readonly total: number; readonly scored: number; readonly not_scored: number };
  /** Counts by kind. */
  readonly failures: Readonly<Record<string, number>>;
  /** A reward of at least this is a solved attempt. */
  readonly solved_at: number;
  /** The mean reward of k attempts, as a mean over tasks; for k = the attempts. Null without any. */
  readonly avg_at_k: FigureAtK | null;
  /** The chance that one of k attempts solves the task; for k = 1 to the attempts. */
  readonly pass_at_k: readonly FigureAtK[];
  /** Of the rollouts' metrics, by name. */
  readonly metrics: Readonly<Record<string, MeanFigure>>;
  /** Of the rewards' components, before weighting, by name. */
  readonly components: Readonly<Record<string, MeanFigure>>;
  /** Whether there were more names than are kept, of either: 256, of at most 256 characters. */
  readonly names_left_out: boolean;
  readonly tokens: {
    readonly prompt: number;
    readonly completion: number;
    readonly sampled: number;
  };
}

export function metricsOf({ environment, model, conditions, tally, total }: Played): Metrics {
  const { attempts, solvedAt, split } = conditions;
  const { tasks, means } = tally;
  return {
    schema: METRICS_SCHEMA,
    environment: environment.name,
    environment_version: environment.definition.version ?? '',
    model,
    split,
    complete: tally.rows === total,
    tasks: total / attempts,
    attempts,
    rows: { total, scored: tally.scored, not_scored: tally.notScored },
    failures: Object.fromEntries([...tally.failures].map(([kind, { count }]) => [kind, count])),
    solved_at: solvedAt,
    avg_at_k: averageOf(tally, attempts),
    pass_at_k: passesOf(tasks, attempts),
    metrics: byName(means.metrics),
    components: byName(means.components),
    names_left_out: means.namesLeftOut,
    tokens: {
      prompt: tally.promptTokens,
      completion: tally.completionTokens,
      sampled: tally.sampledTokens,
    },
  };
}

/**
 * Each task counts once, however many of its attempts were scored. Rewards of 0 to 1 get the interval
 * of a rate, which tells that ten tasks of reward 0 are no proof; others that of their own spread.
 */
function averageOf({ tasks, withinUnit }: Tally, k: number): FigureAtK | null {
  const means = tasks.flatMap(({ scored, meanReward }) => (scored === 0 ? [] : [meanReward]));
  if (means.length === 0) return null;
  const value = mean(means);
  const interval = withinUnit ? wilsonInterval(value, means.length) : meanInterval(means);
  return { k, value, interval: interval ?? null, tasks: means.length };
}

function passesOf(tasks: readonly TaskTally[], attempts: number): readonly FigureAtK[] {
  const figures: FigureAtK[] = [];
  for (let k = 1; k <= attempts; k++) {
    const rates = tasks.flatMap(({ scored, solved }) =>
      scored < k ? [] : [passAtK(scored, solved, k)],
    );
    if (rates.length === 0) break;
    const value = mean(rates);
    const interval = wilsonInterval(value, rates.length) ?? null;
    figures.push({ k, value, interval, tasks: rates.length });
  }
  return figures;
}

function byName(means: readonly NamedMean[]): Readonly<Record<string, MeanFigure>> {
  return Object.fromEntries(means.map(({ name, mean, count }) => [name, { mean, count }]));
}

function mean(values: readonly number[]): number {
  const sum = new RunningMean();
  for (const value of values) sum.add(value);
  return sum.mean;
}
