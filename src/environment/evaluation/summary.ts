import type { Rollout } from '../../contract/index.ts';
import { addLedgers, emptyLedger, type Ledger } from '../../tokens/index.ts';
import { meanOf } from '../reward/advantages.ts';
import { MeansOfRollouts, type RolloutMeans } from './named-means.ts';
import { passAtK } from './pass-at-k.ts';
import { RunningMean } from './running-mean.ts';
import type { EvaluationConditions } from './settings.ts';

/** Figures of a whole evaluation. */
export interface EvaluationSummary extends RolloutMeans {
  readonly tasks: number;
  readonly scored: number;
  /** In no mean. */
  readonly notScored: number;
  /** Undefined when none was scored. */
  readonly meanReward: number | undefined;
  /** For k = 1 to the attempts; tasks with fewer than k scored attempts are left out of it. */
  readonly passAtK: readonly {
    readonly k: number;
    readonly value: number;
    readonly tasks: number;
  }[];
  readonly ledger: Ledger;
  /** What it was done with. */
  readonly conditions: EvaluationConditions;
}

/** Adds up an evaluation; memory is two counts per task, and bounded by name. */
export class Summary {
  readonly #conditions: EvaluationConditions;
  readonly #means = new MeansOfRollouts();
  readonly #byTask = new Map<string, { scored: number; solved: number }>();
  readonly #rewards = new RunningMean();
  #notScored = 0;
  #ledger = emptyLedger();

  constructor(conditions: EvaluationConditions) {
    this.#conditions = conditions;
  }

  add(taskKey: string, rollout: Rollout): void {
    const task = this.#byTask.get(taskKey) ?? { scored: 0, solved: 0 };
    this.#byTask.set(taskKey, task);
    this.#ledger = addLedgers(this.#ledger, rollout.ledger);
    const { outcome } = rollout;
    this.#means.add(rollout.metrics, outcome.kind === 'scored' ? outcome.components : []);
    if (outcome.kind === 'not_scored') {
      this.#notScored += 1;
      return;
    }
    this.#rewards.add(outcome.reward);
    task.scored += 1;
    if (outcome.reward >= this.#conditions.solvedAt) task.solved += 1;
  }

  figures(): EvaluationSummary {
    return {
      tasks: this.#byTask.size,
      scored: this.#rewards.count,
      notScored: this.#notScored,
      meanReward: this.#rewards.count === 0 ? undefined : this.#rewards.mean,
      passAtK: this.#passAtKs(),
      ledger: this.#ledger,
      ...this.#means.figures(),
      conditions: this.#conditions,
    };
  }

  #passAtKs(): EvaluationSummary['passAtK'] {
    const figures: { k: number; value: number; tasks: number }[] = [];
    for (let k = 1; k <= this.#conditions.attempts; k++) {
      const enough = [...this.#byTask.values()].filter(({ scored }) => scored >= k);
      if (enough.length === 0) break;
      const value = meanOf(enough.map(({ scored, solved }) => passAtK(scored, solved, k)));
      figures.push({ k, value, tasks: enough.length });
    }
    return figures;
  }
}
