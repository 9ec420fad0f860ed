import type { ErrorDetail } from '../../gen/lachesis/v1/error_pb.ts';
import type { Broker, LeasedAssignment } from '../broker/index.ts';
import { errorFromDetail, ROLLOUT_CANCELLED } from '../contract/index.ts';
import { LachesisError } from '../errors.ts';
import type { LeaseTable } from './lease-table.ts';
import type { Rollouts } from './rollouts.ts';

export interface WorkerDeskOptions {
  readonly broker: Broker;
  readonly rollouts: Rollouts;
  readonly leases: LeaseTable;
}

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

  /** Without what was cancelled while it waited for a worker: that ends here. */
  async lease(request: Parameters<Broker['lease']>[0]): Promise<readonly LeasedAssignment[]> {
    const untilMs = performance.now() + request.waitMs;
    for (;;) {
      const waitMs = Math.max(0, untilMs - performance.now());
      const leases = await this.#broker.lease({ ...request, waitMs });
      const wanted: LeasedAssignment[] = [];
      for (const lease of leases) {
        if (!(await this.#endCancelled(request.workerId, lease.assignment.id))) wanted.push(lease);
      }
      if (wanted.length > 0 || leases.length === 0) return wanted;
    }
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
