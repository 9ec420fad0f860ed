import type { AgentResult, Turn } from '../agent/index.ts';
import type { ErrorKind } from '../errors.ts';
import type { Message, SamplingParameters } from '../messages.ts';
import type { ModelCall } from '../models/index.ts';
import type { Ledger, RenderingFingerprint, Segment, TrainingPolicy } from '../tokens/index.ts';

/** A named part of a reward. */
export interface RewardComponent {
  readonly name: string;
  /** Before weighting. */
  readonly value: number;
  readonly weight: number;
}

/** What one turn earned by itself. */
export interface TurnReward {
  /** Of the turn's assistant message in the transcript: the `messageIndex` of its sampled spans. */
  readonly messageIndex: number;
  readonly value: number;
}

/** What a rollout earned, or why that can't be known. A failure is never a score. */
export type Outcome =
  | {
      readonly kind: 'scored';
      readonly reward: number;
      readonly components: readonly RewardComponent[];
      /** In turn order, one per turn; absent where the environment does not say. */
      readonly turnRewards?: readonly TurnReward[];
    }
  | { readonly kind: 'not_scored'; readonly failure: RolloutFailure };

/** The reason of a rollout that somebody cancelled. */
export const ROLLOUT_CANCELLED = 'ROLLOUT_CANCELLED';

/** What failed, typed: a model's mistake, an environment's bug and an infrastructure fault differ. */
export interface RolloutFailure {
  readonly kind: ErrorKind;
  readonly reason: string;
  readonly message: string;
  readonly remedy?: string;
}

/** What is needed to judge how a rollout came about. */
export interface Provenance {
  readonly environment: string;
  readonly environmentVersion: string;
  readonly verifierVersion: string;
  readonly model: string;
  readonly sampling: SamplingParameters;
  readonly rendering: RenderingFingerprint;
  /** `none`, `in_process`, or the level of its sandbox. */
  readonly isolation: string;
  readonly workerId: string;
  readonly logprobMode: 'raw' | 'processed' | 'unknown' | '';
  /** Undefined where it was given none. */
  readonly sandbox?: SandboxUse;
}

/** A sandbox, as one rollout was given it. */
export interface SandboxUse {
  readonly backend: string;
  /** As its backend names it. */
  readonly id: string;
  /** How often it was leased before, with a reset after each; 0 for a fresh one. */
  readonly earlierUses: number;
}

/** One finished attempt of an agent at one task. */
export interface Rollout {
  readonly id: string;
  /** Empty for none. */
  readonly groupId: string;
  readonly taskKey: string;
  /** Place in the group, from 0. */
  readonly index: number;
  readonly result: AgentResult;
  readonly outcome: Outcome;
  /** Empty for a direct model server. */
  readonly segments: readonly Segment[];
  /** By the training policy under which the segments' spans were settled. */
  readonly ledger: Ledger;
  readonly provenance: Provenance;
  /** Milliseconds since the Unix epoch. */
  readonly startTimeMs: number;
  readonly endTimeMs: number;
  /** In order; empty for a direct model server. What they sampled adds up to the ledger's `sampled`. */
  readonly calls: readonly ModelCall[];
  /** Numbers that the environment wants kept. */
  readonly metrics: Readonly<Record<string, number>>;
}

/** The rollouts of one assignment, scored together; its id is the assignment's. */
export interface Group {
  readonly id: string;
  /** Empty when played outside of a run. */
  readonly runId: string;
  readonly environment: string;
  readonly taskKey: string;
  /** In index order. */
  readonly rollouts: readonly Rollout[];
  readonly trainingPolicy: TrainingPolicy;
}

/** What a watcher is told while rollouts run. Each dispatched rollout has exactly one `finished`. */
export type RolloutProgress =
  | {
      readonly kind: 'started';
      readonly rolloutId: string;
      readonly groupId: string;
      readonly taskKey: string;
      readonly index: number;
    }
  | {
      readonly kind: 'turn';
      readonly rolloutId: string;
      readonly groupId: string;
      readonly turn: Turn;
      readonly messages: readonly Message[];
    }
  | {
      readonly kind: 'finished';
      readonly rolloutId: string;
      readonly groupId: string;
      readonly rollout: Rollout;
    };
