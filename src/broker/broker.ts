import type { Ledger } from '../tokens/index.ts';
import type {
  AssignmentEvent,
  AssignmentKey,
  DeadLetter,
  StoredAssignment,
} from './assignment-event.ts';
import type { GroupPayload, HeldPayload } from './group-payload.ts';
import type { ConsumerStanding, RunDetail } from './run-detail.ts';
import type { EnvironmentShare, RunSettings } from './run-settings.ts';

export type {
  AdmissionPolicy,
  AutoPlay,
  AutoPlayEnvironment,
  BatchSize,
  EnvironmentShare,
  RunSettings,
} from './run-settings.ts';

export interface RunState {
  readonly id: string;
  readonly settings: RunSettings;
  readonly policyVersion: number;
  /** The furthest that a consumer is done with. */
  readonly step: number;
  readonly closed: boolean;
  readonly openTimeMs: number;
}

/** A row of a stored group: which part holds its bytes, and how long it is. */
export interface StoredRow {
  readonly partIndex: number;
  readonly tokens: number;
  readonly sampledTokens: number;
  readonly trainedTokens: number;
}

/** What the broker indexes of a group. Its header's and parts' bytes are kept as they came. */
export interface StoredGroup<Payload extends GroupPayload = GroupPayload> {
  readonly id: string;
  readonly runId: string;
  readonly environment: string;
  readonly taskKey: string;
  readonly rows: readonly StoredRow[];
  readonly rewards: readonly (number | undefined)[];
  /** Undefined when nothing was sampled. */
  readonly oldestPolicyVersion: number | undefined;
  readonly ledger: Ledger;
  readonly payload: Payload;
  /** As in its header: stands for all its parts. */
  readonly digest: Uint8Array;
}

export interface LeasedAssignment {
  readonly assignment: StoredAssignment;
  /** From 1. */
  readonly attempt: number;
  readonly leaseMs: number;
}

/** A group with its parts at hand. */
export type SubmittedGroup = StoredGroup<HeldPayload>;

export type SubmitOutcome =
  | { readonly kind: 'stored'; readonly position: number }
  /** Stored before, there. */
  | { readonly kind: 'duplicate'; readonly position: number };

export interface ConsumerKey {
  readonly runId: string;
  readonly consumerId: string;
}

/** A batch as it was handed to a rank. */
export interface BatchLeaseKey extends ConsumerKey {
  readonly batchId: string;
  readonly rank: number;
  /** `delivery` of the batch: late calls of an older one are refused. Absent or 0 takes the last. */
  readonly delivery?: number;
}

export interface BatchRow {
  /** Into the batch's groups. */
  readonly groupIndex: number;
  readonly partIndex: number;
  readonly rank: number;
}

/** Immutable once cut; handed out again, it is identical but for `delivery`. */
export interface Batch {
  readonly id: string;
  readonly runId: string;
  /** From 1. */
  readonly step: number;
  readonly policyVersion: number;
  readonly groups: readonly StoredGroup[];
  readonly rows: readonly BatchRow[];
  readonly delivery: number;
  readonly leaseMs: number;
  readonly digest: Uint8Array;
}

export type NextBatch =
  | { readonly kind: 'batch'; readonly batch: Batch }
  | {
      readonly kind: 'none';
      readonly waiting: number;
      readonly needed: number;
      readonly closed: boolean;
      /** Other consumers whose acks or commits the next batch waits for. */
      readonly heldBackBy: readonly ConsumerStanding[];
    };

export interface UnregisteredConsumer {
  /** False: it was taken away before. */
  readonly existed: boolean;
  /** Batches that it had still to do; of one that competes those that it held. */
  readonly released: number;
}

export interface RunStatus extends RunDetail {
  /** What holds auto play up, in words; empty for nothing, and always where the broker is asked itself. */
  readonly problem: string;
  readonly run: RunState;
  readonly waitingGroups: number;
  readonly waitingRows: number;
  readonly waitingTokens: number;
  readonly openAssignments: number;
  readonly openByEnvironment: Readonly<Record<string, number>>;
  readonly leasedBatches: number;
  readonly acceptedGroups: number;
  readonly droppedGroups: Readonly<Record<string, number>>;
  readonly rollouts: number;
  readonly notScored: number;
  readonly recentMeanReward: number | undefined;
  readonly ledger: Ledger;
  readonly oldestWaitingMs: number | undefined;
}

/**
 * Groups in, batches out. Every method that changes something is atomic and idempotent by the ids
 * it is given; methods that wait take a signal. Errors are LachesisErrors of kinds not_found,
 * failed_precondition, aborted (stale lease) and resource_exhausted.
 */
export interface Broker {
  openRun(
    id: string,
    settings: RunSettings,
    initialPolicyVersion: number,
  ): Promise<{ readonly run: RunState; readonly existed: boolean }>;
  getRun(id: string): Promise<RunState>;
  /** Newest first. */
  listRuns(): Promise<readonly RunState[]>;
  /** Its assignments end with it: at once for whoever asks, while followers may be told of many one by one. */
  closeRun(id: string): Promise<RunState>;
  status(id: string): Promise<RunStatus>;
  /**
   * Replaces the shares of a run, for who opens it before its environments are known. Whoever opens it
   * again with those that it has now takes it over.
   */
  setShares(runId: string, shares: readonly EnvironmentShare[]): Promise<void>;

  /** Returns those that are new. */
  enqueue(assignments: readonly StoredAssignment[]): Promise<readonly AssignmentKey[]>;
  /**
   * Those whose groups have room, and by the run's admission will not be stale. Waits for the first until
   * `signal` fires or `waitMs` passes; may return none. Asked again under the same `requestId`, it returns
   * the same, with what is left of their leases, as long as the worker has not spoken of them otherwise.
   */
  lease(request: {
    readonly workerId: string;
    /** Chosen by the worker, another for each request. Absent for one that is not asked again. */
    readonly requestId?: string | undefined;
    readonly environments: readonly string[];
    readonly max: number;
    /** Bytes of their payloads; the last may go beyond. Absent for any. */
    readonly maxBytes?: number;
    readonly waitMs: number;
    readonly signal: AbortSignal;
  }): Promise<readonly LeasedAssignment[]>;
  /** Returns those whose lease is gone. */
  extend(workerId: string, keys: readonly AssignmentKey[]): Promise<readonly AssignmentKey[]>;
  failAssignment(
    request: AssignmentKey & {
      readonly workerId: string;
      readonly reason: string;
      readonly permanent: boolean;
    },
  ): Promise<void>;
  /**
   * Tells of every assignment that is open, and then of whatever becomes of one, leases that run out
   * included, until what is returned is disposed of. The listener must not throw.
   */
  followAssignments(listener: (event: AssignmentEvent) => void): Disposable;
  /** The latest assignments that were given up, oldest first. One whose group came after all is none. */
  deadLetters(runId: string): Promise<readonly DeadLetter[]>;

  /** Stores the group and ends its assignment in one step. Throws when refused; a group that comes twice is a duplicate. */
  submit(group: SubmittedGroup): Promise<SubmitOutcome>;
  /** Resolves when the run takes this group, or any where none is given, or when `signal` fires. */
  waitForRoom(runId: string, signal: AbortSignal, group?: StoredGroup): Promise<void>;
  /** How many groups may be begun now: each will have a place when it is done. */
  credits(runId: string): Promise<number>;

  registerConsumer(
    consumer: ConsumerKey & {
      readonly worldSize: number;
      readonly mode: 'compete' | 'fan_out';
      /** It knows that it was taken away, and joins again. Without, that is refused. */
      readonly rejoin?: boolean;
    },
  ): Promise<{
    readonly leaseMs: number;
    readonly run: RunState;
    /** That the consumer is done with, and that it committed last. */
    readonly step: number;
    readonly committedStep: number | undefined;
  }>;
  /**
   * Takes a consumer out of the run: what it holds is free for others, and nothing waits for it or is kept
   * for it any more. Batches that it alone had still to do are done; with the last consumer they stay open
   * for the next that registers. What it asks afterwards is refused until it registers to `rejoin`.
   */
  unregisterConsumer(consumer: ConsumerKey): Promise<UnregisteredConsumer>;
  /**
   * The batch that the consumer holds, whose lease it renews, or else the first that is free. A rank
   * that acked waits for its others without renewing, so that the batch of a dead one gets free.
   */
  nextBatch(
    request: ConsumerKey & {
      readonly rank: number;
      readonly waitMs: number | undefined;
      readonly signal: AbortSignal;
    },
  ): Promise<NextBatch>;
  extendBatch(request: BatchLeaseKey): Promise<{ readonly leaseMs: number }>;
  ackBatch(request: BatchLeaseKey): Promise<{ readonly complete: boolean; readonly step: number }>;
  nackBatch(request: BatchLeaseKey & { readonly reason: string }): Promise<void>;

  /**
   * The consumer's checkpoint of a step is safe: it can always go back to there, and no further. From
   * its first commit on, what it has acked since is kept until it commits that.
   */
  commitStep(request: ConsumerKey & { readonly step: number }): Promise<void>;
  /** Hands out the batches after a step once more, identical. Returns how many there are. */
  rewindToStep(
    request: ConsumerKey & { readonly step: number },
  ): Promise<{ readonly batches: number }>;

  publishPolicyVersion(runId: string, version: number): Promise<number>;
  /** Yields the version at once and at every change, until `signal` fires. */
  watchPolicyVersion(runId: string, signal: AbortSignal): AsyncIterable<number>;

  getGroup(runId: string, groupId: string): Promise<StoredGroup>;
  /** In submit order, from after `position`; ends at the newest. */
  scanGroups(
    runId: string,
    afterPosition: number,
  ): AsyncIterable<{ readonly position: number; readonly group: StoredGroup }>;

  close(): Promise<void>;
}
