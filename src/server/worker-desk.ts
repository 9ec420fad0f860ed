import type { ErrorDetail } from '../../gen/lachesis/v1/error_pb.ts';
import type { Broker, LeasedAssignment } from '../broker/index.ts';
import { errorFromDetail, ROLLOUT_CANCELLED, type RolloutProgress } from '../contract/index.ts';
import { firstTryOf } from '../environment/index.ts';
import { LachesisError } from '../errors.ts';
import type { LeaseTable } from './lease-table.ts';
import type { Rollouts } from './rollouts.ts';

export interface WorkerDeskOptions {
  readonly broker: Broker;
  readonly rollouts: Rollouts;
  readonly leases: LeaseTable;
}

/** What a worker tells of what it plays. */
export interface WorkerReport {
  readonly events: readonly RolloutProgress[];
  /** Turns that were left untold, by rollout, from its beginning. */
  readonly missedTurns: ReadonlyMap<string, number>;
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
   * that ends here.
   */
  async lease(request: Parameters<Broker['lease']>[0]): Promise<readonly LeasedAssignment[]> {
    const untilMs = performance.now() + request.waitMs;
    const leases: LeasedAssignment[] = [];
    let bytes = 0;
    while (leases.length < request.max && bytes < MAX_BYTES) {
      const waitMs = leases.length > 0 ? 0 : Math.max(0, untilMs - performance.now());
      const [lease] = await this.#broker.lease({ ...request, max: 1, waitMs });
      if (lease === undefined) break;
      const { id, payload } = lease.assignment;
      if (await this.#endCancelled(request.workerId, id)) continue;
      leases.push(lease);
      bytes += payload.length;
    }
    return leases;
  }

  /** Keeps leases. What is gone or wholly cancelled is lost; of the rest, the rollouts that shall not go on. */
  async extend(
    workerId: string,
    ids: readonly string[],
  ): Promise<{
    readonly lost: readonly string[];
    readonly cancelledRolloutIds: readonly string[];
  }> {
    const cancelledRolloutIds: string[] = [];
    for (const id of ids) {
      if (this.#leases.holderOf(id) !== workerId) continue;
      if (await this.#endCancelled(workerId, id)) continue;
      cancelledRolloutIds.push(...this.#rollouts.cancelledOf(id).rolloutIds);
    }
    return { lost: await this.#broker.extend(workerId, ids), cancelledRolloutIds };
  }

  /** Its rollouts end with what the worker says went wrong. One that is not the worker's is left alone. */
  async fail(request: {
    readonly workerId: string;
    readonly assignmentId: string;
    readonly error: LachesisError;
    readonly permanent: boolean;
  }): Promise<void> {
    const { workerId, assignmentId, error } = request;
    if (this.#leases.holderOf(assignmentId) !== workerId) return;
    const wasCancelled = error.reason === ROLLOUT_CANCELLED;
    this.#rollouts.abandon(assignmentId, error);
    await this.#broker.failAssignment({
      workerId,
      assignmentId,
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
    for (const [assignmentId, holder] of this.#leases) {
      if (holder !== workerId) continue;
      await this.fail({ workerId, assignmentId, error, permanent: false });
    }
  }

  /**
   * Logs what a worker tells of rollouts that it plays; returns how much of it is new. What does not belong
   * to an assignment that it holds is left out: it may have lost it meanwhile.
   */
  tell(workerId: string, { events, missedTurns }: WorkerReport): number {
    let told = 0;
    const isOwn = (rolloutId: string, groupId: string | undefined): boolean =>
      groupId !== undefined &&
      this.#leases.holderOf(groupId) === workerId &&
      this.#rollouts.log.stateOf(firstTryOf(rolloutId))?.group.groupId === groupId;
    for (const [rolloutId, turns] of missedTurns) {
      const group = this.#rollouts.log.stateOf(firstTryOf(rolloutId))?.group.groupId;
      if (isOwn(rolloutId, group)) this.#rollouts.log.missed(rolloutId, turns);
    }
    for (const event of events) {
      if (!isOwn(event.rolloutId, event.groupId)) continue;
      // The server has told of it when it was leased.
      const { log } = this.#rollouts;
      const isBegun = log.stateOf(event.rolloutId) !== undefined && event.kind === 'started';
      if (!isBegun && this.#rollouts.progress(event)) told += 1;
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

  async #endCancelled(workerId: string, assignmentId: string): Promise<boolean> {
    if (!this.#rollouts.cancelledOf(assignmentId).all) return false;
    const reason = ROLLOUT_CANCELLED;
    await this.#broker.failAssignment({ workerId, assignmentId, reason, permanent: true });
    return true;
  }
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
