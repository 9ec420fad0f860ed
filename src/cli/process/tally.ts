import {
  canonicalJson,
  type Provenance,
  type RewardComponent,
  type Rollout,
} from '../../contract/index.ts';
import { MeansOfRollouts, type RolloutMeans, RunningMean } from '../../environment/index.ts';
import type { ErrorKind } from '../../errors.ts';

/** What is counted of a rollout; the rest of it is in the file. */
export interface PlayedRow {
  readonly groupId: string;
  /** Undefined when not scored. */
  readonly reward: number | undefined;
  readonly failure: { readonly kind: ErrorKind; readonly message: string } | undefined;
  readonly metrics: Readonly<Record<string, number>>;
  readonly components: readonly RewardComponent[];
  readonly promptTokens: number;
  readonly completionTokens: number;
  /** Of the engine's own account; 0 for a direct model server. */
  readonly sampledTokens: number;
  readonly conditions: Conditions;
}

/** What must be alike for figures of several rows to be figures of one thing. */
export interface Conditions {
  readonly model: string;
  /** Of the environment and, when it has its own, of the verifier. */
  readonly version: string;
  /** As canonical JSON. */
  readonly sampling: string;
}

export function conditionsOf(
  provenance: Pick<Provenance, 'model' | 'environmentVersion' | 'verifierVersion' | 'sampling'>,
): Conditions {
  const { model, environmentVersion, verifierVersion, sampling } = provenance;
  return {
    model,
    version: `${environmentVersion}${verifierVersion === '' ? '' : ` (verifier ${verifierVersion})`}`,
    sampling: canonicalJson(JSON.parse(JSON.stringify(sampling))),
  };
}

export function playedRowOf(rollout: Rollout): PlayedRow {
  const { outcome, result, ledger, provenance } = rollout;
  return {
    groupId: rollout.groupId,
    reward: outcome.kind === 'scored' ? outcome.reward : undefined,
    failure: outcome.kind === 'scored' ? undefined : outcome.failure,
    metrics: rollout.metrics,
    components: outcome.kind === 'scored' ? outcome.components : [],
    promptTokens: result.usage.promptTokens ?? 0,
    completionTokens: result.usage.completionTokens ?? 0,
    sampledTokens: ledger.sampled,
    conditions: conditionsOf(provenance),
  };
}

/** Scored attempts at one task. */
export interface TaskTally {
  readonly scored: number;
  readonly solved: number;
  /** Of them; NaN of none. */
  readonly meanReward: number;
}

/** Adds rows up; its memory is three counts per task, and bounded by name. */
export class Tally {
  readonly #solvedAt: number;
  readonly #tasks = new Map<string, { rewards: RunningMean; solved: number }>();
  readonly #means = new MeansOfRollouts();
  readonly #failures = new Map<ErrorKind, { count: number; example: string }>();
  readonly #rewards = new RunningMean();
  /** Whether every reward so far lies in 0 to 1, as that of a rate does. */
  withinUnit = true;
  promptTokens = 0;
  completionTokens = 0;
  sampledTokens = 0;

  /** A reward of at least `solvedAt` counts as solved. */
  constructor(solvedAt = 1) {
    this.#solvedAt = solvedAt;
  }

  add(row: PlayedRow): void {
    this.promptTokens += row.promptTokens;
    this.completionTokens += row.completionTokens;
    this.sampledTokens += row.sampledTokens;
    this.#means.add(row.metrics, row.components);
    const task = this.#tasks.get(row.groupId) ?? { rewards: new RunningMean(), solved: 0 };
    this.#tasks.set(row.groupId, task);
    if (row.failure !== undefined) {
      const { kind, message } = row.failure;
      const failed = this.#failures.get(kind) ?? { count: 0, example: message };
      this.#failures.set(kind, { ...failed, count: failed.count + 1 });
    }
    if (row.reward === undefined) return;
    this.#rewards.add(row.reward);
    this.withinUnit &&= row.reward >= 0 && row.reward <= 1;
    task.rewards.add(row.reward);
    if (row.reward >= this.#solvedAt) task.solved += 1;
  }

  get scored(): number {
    return this.#rewards.count;
  }

  /** Rows that failed, in no mean. */
  get notScored(): number {
    return [...this.#failures.values()].reduce((sum, { count }) => sum + count, 0);
  }

  /** Rows of any ending. */
  get rows(): number {
    return this.scored + this.notScored;
  }

  /** By whose fault it was, each with the first message. */
  get failures(): ReadonlyMap<ErrorKind, { readonly count: number; readonly example: string }> {
    return this.#failures;
  }

  /** Undefined when none was scored. */
  get meanReward(): number | undefined {
    return this.scored === 0 ? undefined : this.#rewards.mean;
  }

  /** Of the rows' metrics and reward components. */
  get means(): RolloutMeans {
    return this.#means.figures();
  }

  get tasks(): readonly TaskTally[] {
    return [...this.#tasks.values()].map(({ rewards, solved }) => ({
      solved,
      scored: rewards.count,
      meanReward: rewards.mean,
    }));
  }
}
