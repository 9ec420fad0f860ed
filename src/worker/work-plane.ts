import type { AssignmentKey } from '../broker/index.ts';
import type { Assignment, Group, GroupPolicy, RolloutProgress } from '../contract/index.ts';

export interface LeasedWork {
  readonly assignment: Assignment;
  /** Of the run that it is played for. */
  readonly policy: GroupPolicy;
  readonly attempt: number;
  readonly leaseMs: number;
}

/**
 * A worker's view of the server: over the broker in the server's own process, or over the wire; the
 * worker does not notice the difference.
 */
export interface WorkPlane {
  /** Waits up to `waitMs` for the first; may resolve with none. */
  lease(request: {
    readonly max: number;
    readonly waitMs: number;
    readonly signal: AbortSignal;
  }): Promise<readonly LeasedWork[]>;
  /** Keeps leases; returns those that were lost or cancelled. */
  heartbeat(held: readonly AssignmentKey[], signal: AbortSignal): Promise<readonly AssignmentKey[]>;
  /**
   * Settles, encodes and stores the group. Resolves once it is stored (or was before), or was
   * dropped by its run's policy and its assignment ended. Rejects with a typed error when it is refused.
   */
  submit(group: Group, signal: AbortSignal, policy: GroupPolicy): Promise<void>;
  /**
   * Puts further assignments in their run's queue, where it can before new tasks; one that is known is
   * left alone. Rejects with a typed error when it has no room, or the run is closed.
   */
  order(assignments: readonly Assignment[]): Promise<void>;
  /** Gives an assignment back; `permanent`: nobody should try it again. */
  fail(assignment: AssignmentKey, error: unknown, permanent: boolean): Promise<void>;
  /** The policy version that the run's trainer has announced; cheap, asked at every model call. */
  announcedVersion(runId: string): number;
  /** What a watcher is told of a run. */
  progress(event: RolloutProgress, runId: string): void;
  /** Cancels one rollout; absent where the plane has no word from those who cancel. */
  rolloutSignal?(rolloutId: string, runId: string): AbortSignal | undefined;
}
