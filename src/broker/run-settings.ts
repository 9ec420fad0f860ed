import type { OverLength, TrainingPolicy } from '../tokens/index.ts';

/** What a batch counts. */
export type BatchSize =
  | { readonly kind: 'rows'; readonly rows: number }
  | { readonly kind: 'tokens'; readonly tokens: number }
  | { readonly kind: 'groups'; readonly groups: number };

/** An environment's part in a run that plays by itself. */
export interface AutoPlayEnvironment {
  readonly environment: string;
  readonly groupSize: number;
  /** Empty for all tasks. */
  readonly split: string;
  /** Its share of the groups, beside the others' weights; above 0. */
  readonly weight: number;
}

export interface AutoPlay {
  /** At least 1, each named once. */
  readonly environments: readonly AutoPlayEnvironment[];
  /** Most groups assigned or waiting at a time, over all environments. */
  readonly maxAhead: number;
  /** Hold new groups while the waiting ones fill this many batches; 0 for no hold. */
  readonly maxBatchesAhead: number;
}

/** An environment's part in the batches of a run, in what a batch counts. */
export interface EnvironmentShare {
  readonly environment: string;
  /** Beside the others' weights; above 0. */
  readonly weight: number;
  /** Part of each batch that is its own, in whole groups; from 0, and at most 1 over all. */
  readonly minShare: number;
  /**
   * What a batch does while there are not enough groups for the minimum: it waits while the environment
   * lives and is then cut without (`release`), or waits (`wait`).
   */
  readonly whenShort: 'release' | 'wait';
}

/**
 * Whether assignments are held back that would come back too stale to train: `strict` begins no more than
 * `maxStaleness` + 1 batches hold, `soft` so many times as much, `off` what the queue has room for.
 */
export type AdmissionPolicy =
  | { readonly kind: 'off' }
  | { readonly kind: 'soft'; readonly factor: number }
  | { readonly kind: 'strict' };

/** Settings of a run, fixed when it is opened. */
export interface RunSettings {
  readonly batchSize: BatchSize;
  readonly trainingPolicy: TrainingPolicy;
  /** In policy versions behind the current one; undefined for any. */
  readonly maxStaleness: number | undefined;
  /** 0 for the server's own. */
  readonly maxWaitingGroups: number;
  readonly failedRollouts: 'drop_rollout' | 'drop_group' | 'mask';
  /** 0 for any. */
  readonly maxRowTokens: number;
  /** What becomes of a row that is longer. */
  readonly overLength: OverLength;
  /** Empty for any. */
  readonly environments: readonly string[];
  readonly autoPlay: AutoPlay | undefined;
  /** Groups whose scored rewards are all alike don't wait for a batch: they teach nothing. */
  readonly dropUniformGroups: boolean;
  /** Environments that are not named have weight 1 and no minimum. Empty: batches take what came first. */
  readonly shares: readonly EnvironmentShare[];
  readonly admission: AdmissionPolicy;
}
