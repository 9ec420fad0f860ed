import type { Assignment, Group, RolloutProgress } from '../contract/index.ts';
import type { TrainingPolicy } from '../tokens/index.ts';

/** What a worker needs to know of the run that it plays for. */
export interface PlayPolicy {
  readonly trainingPolicy: TrainingPolicy;
  readonly failedRollouts: 'drop_rollout' | 'drop_group' | 'mask';
  /** 0 for any. */
  readonly maxRowTokens: number;
}

export interface LeasedWork {
  readonly assignment: Assignment;
  readonly policy: PlayPolicy;
  readonly attempt: number;
  readonly leaseMs: number;
}

/**
 * A worker's view of the server: in process (over the broker, in server/) or over gRPC
 * (WorkClient, in client/). The worker's code is the same for both.
 */
export interface WorkPlane {
  lease(request: {
    readonly max: number;
    readonly waitMs: number;
    readonly signal: AbortSignal;
  }): Promise<readonly LeasedWork[]>;
  /** Keeps leases; returns the ids that were lost or cancelled. */
  heartbeat(assignmentIds: readonly string[], signal: AbortSignal): Promise<readonly string[]>;
  /** Resolves once the group is stored (or was before). Rejects with a typed error when it is refused. */
  submit(group: Group, signal: AbortSignal): Promise<void>;
  fail(assignmentId: string, error: unknown, permanent: boolean): Promise<void>;
  /** The policy version that the run's trainer has announced; cheap, asked at every model call. */
  announcedVersion(runId: string): number;
  /** What a watcher is told. */
  progress(event: RolloutProgress): void;
}
