/** What waits of one environment, and its part of the last batches. */
export interface EnvironmentFigures {
  readonly environment: string;
  readonly waitingGroups: number;
  readonly waitingRows: number;
  readonly waitingTokens: number;
  /** In the last batches, as many as `RunDetail.recentBatches`. */
  readonly recentGroups: number;
  readonly recentRows: number;
  readonly recentTokens: number;
  /** The part that the run asks for, beside the others' weights; undefined where it asks for none. */
  readonly weight: number | undefined;
}

/** What came and what was trained in the last while. Counted anew after a restart. */
export interface RunThroughput {
  /** How long that was, at most a minute. */
  readonly windowMs: number;
  readonly acceptedGroups: number;
  readonly acceptedRows: number;
  readonly acceptedTokens: number;
  /** In batches that all ranks acked. */
  readonly trainedGroups: number;
  readonly trainedRows: number;
  readonly trainedTokens: number;
}

/** A batch that a consumer holds. */
export interface HeldBatch {
  readonly step: number;
  readonly consumerId: string;
  readonly mode: 'compete' | 'fan_out';
  /** Times it was handed out. */
  readonly delivery: number;
  readonly worldSize: number;
  readonly ackedRanks: number;
  /** The first of those that did not ack. */
  readonly missingRanks: readonly number[];
  /** 0: the lease has run out, and the batch is free for the next who asks. */
  readonly leftMs: number;
}

/** How far a consumer is. */
export interface ConsumerStanding {
  readonly consumerId: string;
  readonly mode: 'compete' | 'fan_out';
  readonly worldSize: number;
  /** Of the batches that were cut, what is not left to it; those that compete are as far as each other. */
  readonly step: number;
  /** Of the first batch that it has still to do. */
  readonly nextStep: number;
  /** That it committed last; undefined where it never did. */
  readonly committedStep: number | undefined;
  /** That it has still to ack; of one that competes those that it holds. */
  readonly openBatches: number;
  /** Done since its commit, and kept for going back to it. */
  readonly keptBatches: number;
  /** What the whole run waits for from it; undefined while it waits for nothing. */
  readonly holdsBack: 'ack' | 'commit' | undefined;
  /** How long ago the oldest of its open batches was cut, or of the kept ones where these hold the run back. */
  readonly oldestMs: number | undefined;
  /** How long ago it was heard; undefined when not since the server started. */
  readonly lastSeenMs: number | undefined;
}

/** The assignments of a run that a worker holds. */
export interface WorkerHold {
  readonly workerId: string;
  readonly assignments: number;
  /** How long it has held the oldest of them. */
  readonly oldestMs: number;
}

/** The first of a list that may be long, and how many there are beside them. */
export interface Shortened<T> {
  readonly first: readonly T[];
  readonly more: number;
}

/** What a status shows beside the totals. Every list in it is bounded. */
export interface RunDetail {
  readonly shares: Shortened<EnvironmentFigures>;
  /** How many of the last batches the shares are of. */
  readonly recentBatches: number;
  /**
   * Waiting groups by how many policy versions they are behind: at 0 those of the current one or
   * newer, at 16 all that are further behind. Without zeros at the end.
   */
  readonly waitingByStaleness: readonly number[];
  /** Groups in fully acked batches, likewise, as they were when their batch was cut. */
  readonly trainedByStaleness: readonly number[];
  readonly throughput: RunThroughput;
  readonly heldBatches: Shortened<HeldBatch>;
  readonly consumers: Shortened<ConsumerStanding>;
  readonly workers: Shortened<WorkerHold>;
  /** Assignments that were given up, for good or after their last attempt. */
  readonly deadLetters: number;
  /** Batches that somebody had and that can't come again, since bytes of their groups are damaged. */
  readonly givenUpBatches: number;
}

/** Most entries of a list in a status. */
export const MOST_LISTED = 64;

/** Walks no further than what it returns. */
export function shortened<T>(values: Iterable<T>, count: number): Shortened<T> {
  const first = [...Iterator.from(values).take(MOST_LISTED)];
  return { first, more: Math.max(0, count - first.length) };
}
