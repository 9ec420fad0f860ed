import type { ErrorDetail } from '../../gen/lachesis/v1/error_pb.ts';
import type { AssignmentKey, Broker, LeasedAssignment } from '../broker/index.ts';
import { errorFromDetail, ROLLOUT_CANCELLED, type RolloutProgress } from '../contract/index.ts';
import { firstTryOf } from '../environment/index.ts';
import { LachesisError } from '../errors.ts';
import type { LeaseTable } from './lease-table.ts';
import type { GroupKey, RolloutKey } from './rollout-state.ts';
import type { Rollouts } from './rollouts.ts';

export interface WorkerDeskOptions {
  readonly broker: Broker;
  readonly rollouts: Rollouts;
  readonly leases: LeaseTable;
}

/** What a worker tells of what it plays. */
export interface WorkerReport {
  readonly events: readonly { readonly runId: string; readonly event: RolloutProgress }[];
  /** Turns that were left untold, of each rollout from its beginning. */
  readonly missedTurns: readonly (RolloutKey & { readonly turns: number })[];
}

/** Of orders in one answer; the last may go beyond, by less than the rest of a message. */
const MAX_BYTES = 1_048_576;

/** Where a worker of elsewhere says what it can't tell to rollouts and broker itself. */
export class WorkerDesk {
  readonly #broker: Broker;
  readonly #rollouts: Rollouts;
  readonly #leases: LeaseTable;

  constructor({ broker, rollouts, leases }: WorkerDeskOptions) {
    this.#broker = broker;
    this.#rollouts = rollouts;
    this.#leases = leases;
  }

  /**
   * As many as are asked for and fit in a message. Without what was cancelled while it waited for a worker:
   * that ends here, and is not made up for.
   */
  async lease(request: Parameters<Broker['lease']>[0]): Promise<readonly LeasedAssignment[]> {
    const untilMs = performance.now() + request.waitMs;
    for (;;) {
      const waitMs = Math.max(0, untilMs - performance.now());
      const leased = await this.#broker.lease({ ...request, waitMs, maxBytes: MAX_BYTES });
      const wanted: LeasedAssignment[] = [];
      for (const lease of leased) {
        const { runId, id: assignmentId } = lease.assignment;
        if (await this.#endCancelled(request.workerId, { runId, assignmentId })) continue;
        wanted.push(lease);
      }
      if (wanted.length > 0 || leased.length === 0) return wanted;
    }
  }

  /** Keeps leases. What is gone or wholly cancelled is lost; of the rest, the rollouts that shall not go on. */
  async extend(
    workerId: string,
    assignments: readonly AssignmentKey[],
  ): Promise<{
    readonly lost: readonly AssignmentKey[];
    readonly cancelledRollouts: readonly RolloutKey[];
  }> {
    const cancelledRollouts: RolloutKey[] = [];
    for (const key of assignments) {
      if (this.#leases.holderOf(key) !== workerId) continue;
      if (await this.#endCancelled(workerId, key)) continue;
      for (const rolloutId of this.#rollouts.cancelledOf(groupOf(key)).rolloutIds) {
        cancelledRollouts.push({ runId: key.runId, rolloutId });
      }
    }
    return { lost: await this.#broker.extend(workerId, assignments), cancelledRollouts };
  }

  /** Its rollouts end with what the worker says went wrong. One that is not the worker's is left alone. */
  async fail(request: {
    readonly workerId: string;
    readonly assignment: AssignmentKey;
    readonly error: LachesisError;
    readonly permanent: boolean;
  }): Promise<void> {
    const { workerId, assignment, error } = request;
    if (this.#leases.holderOf(assignment) !== workerId) return;
    const wasCancelled = error.reason === ROLLOUT_CANCELLED;
    this.#rollouts.abandon(groupOf(assignment), error);
    await this.#broker.failAssignment({
      ...assignment,
      workerId,
      reason: wasCancelled ? ROLLOUT_CANCELLED : error.message,
      // What somebody cancelled is not played again.
      permanent: request.permanent || wasCancelled,
    });
  }

  /** What a worker holds goes back to the queue: one that is new in its place knows nothing of it. */
  async giveBack(workerId: string): Promise<void> {
    const error = new LachesisError('infrastructure_error', 'its worker was started anew.', {
      reason: 'WORKER_REPLACED',
    });
    for (const { workerId: holder, ...assignment } of this.#leases) {
      if (holder !== workerId) continue;
      await this.fail({ workerId, assignment, error, permanent: false });
    }
  }

  /**
   * Logs what a worker tells of rollouts that it plays; returns how much of it is new. What does not belong
   * to an assignment that it holds is left out: it may have lost it meanwhile.
   */
  tell(workerId: string, { events, missedTurns }: WorkerReport): number {
    const { log } = this.#rollouts;
    let told = 0;
    for (const { turns, ...rollout } of missedTurns) {
      if (this.#ownGroupOf(workerId, rollout) !== undefined) log.missed(rollout, turns);
    }
    for (const { runId, event } of events) {
      const rollout = { runId, rolloutId: event.rolloutId };
      if (this.#ownGroupOf(workerId, rollout) !== event.groupId) continue;
      // The server has told of it when it was leased.
      const isBegun = event.kind === 'started' && log.stateOf(rollout) !== undefined;
      if (!isBegun && this.#rollouts.progress(event, runId)) told += 1;
    }
    return told;
  }

  /** Groups that may begin over all runs, beside those that play. */
  async credits(): Promise<number> {
    let credits = 0;
    for (const { id, closed } of await this.#broker.listRuns()) {
      if (closed) continue;
      credits += Math.max(0, (await this.#broker.credits(id)) - this.#leases.ofRun(id));
    }
    return credits;
  }

  /** The group of a rollout whose assignment the worker holds; undefined for any other. */
  #ownGroupOf(workerId: string, { runId, rolloutId }: RolloutKey): string | undefined {
    const first = this.#rollouts.log.stateOf({ runId, rolloutId: firstTryOf(rolloutId) });
    if (first === undefined) return undefined;
    const { groupId } = first.group;
    const isHeld = this.#leases.holderOf({ runId, assignmentId: groupId }) === workerId;
    return isHeld ? groupId : undefined;
  }

  async #endCancelled(workerId: string, assignment: AssignmentKey): Promise<boolean> {
    if (!this.#rollouts.cancelledOf(groupOf(assignment)).all) return false;
    const reason = ROLLOUT_CANCELLED;
    await this.#broker.failAssignment({ ...assignment, workerId, reason, permanent: true });
    return true;
  }
}

function groupOf({ runId, assignmentId: groupId }: AssignmentKey): GroupKey {
  return { runId, groupId };
}

/** What a worker says went wrong; its words are in the detail's metadata. */
export function causeOf(detail: ErrorDetail | undefined): LachesisError {
  if (detail === undefined) {
    return new LachesisError('infrastructure_error', 'its worker did not say why it failed.', {
      reason: 'UNSAID',
    });
  }
  return errorFromDetail(
    detail,
    detail.metadata['message'] ?? `${detail.reason}. ${detail.remedy}`,
  );
}
