import { fromBinary } from '@bufbuild/protobuf';
import { AssignmentSchema } from '../../gen/lachesis/v1/task_pb.ts';
import { pause } from '../async/index.ts';
import type { AssignmentKey, Broker, LeasedAssignment } from '../broker/index.ts';
import {
  type Assignment,
  assignmentFromProto,
  encodeGroup,
  type Group,
  type GroupPolicy,
  ROLLOUT_CANCELLED,
  toStoredGroup,
} from '../contract/index.ts';
import { errorMessage, LachesisError } from '../errors.ts';
import type { Logger } from '../telemetry/index.ts';
import type { LeasedWork, WorkPlane } from '../worker/index.ts';
import { ByRun } from './by-run.ts';
import type { Rollouts } from './rollouts.ts';
import { storeGroup } from './store-group.ts';

export interface LocalWorkPlaneOptions {
  readonly broker: Broker;
  readonly rollouts: Rollouts;
  readonly workerId: string;
  /** Environments that the worker can play. */
  readonly environments: readonly string[];
  /** Called after a group was stored or an assignment ended otherwise. */
  readonly onChange: (runId: string) => void;
  /** Puts what follows from a group in its run's queue. */
  readonly orderBacklog: (assignments: readonly Assignment[]) => Promise<void>;
  readonly logger: Logger;
}

interface FollowedRun {
  readonly policy: GroupPolicy;
  version: number;
  /** False once nobody tells of new versions: the next lease asks again. */
  current: boolean;
}

/** The in-process worker's view of the server: the broker itself, without a wire between. */
export class LocalWorkPlane implements WorkPlane, Disposable {
  readonly #options: LocalWorkPlaneOptions;
  /** Runs that are open, or for which something still plays. */
  readonly #runs = new Map<string, FollowedRun>();
  /** How many assignments of each run are held. */
  readonly #leased = new ByRun<true>();
  readonly #leasing = new AbortController();
  readonly #closing = new AbortController();

  constructor(options: LocalWorkPlaneOptions) {
    this.#options = options;
  }

  async lease(request: Parameters<WorkPlane['lease']>[0]): Promise<readonly LeasedWork[]> {
    const { broker, workerId, environments } = this.#options;
    const signal = AbortSignal.any([request.signal, this.#leasing.signal]);
    if (this.#leasing.signal.aborted) {
      await pause(request.waitMs, request.signal);
      return [];
    }
    const leases = await broker.lease({ ...request, signal, workerId, environments });
    return await Promise.all(leases.map((lease) => this.#workOf(lease)));
  }

  async heartbeat(held: readonly AssignmentKey[]): Promise<readonly AssignmentKey[]> {
    const lost = await this.#options.broker.extend(this.#options.workerId, held);
    for (const assignment of lost) this.#release(assignment);
    return lost;
  }

  async submit(group: Group, signal: AbortSignal, policy: GroupPolicy): Promise<void> {
    const { broker, rollouts, onChange } = this.#options;
    const { id: groupId, runId } = group;
    const assignment = { runId, assignmentId: groupId };
    const encoding = encodeGroup(group, { policy });
    if (encoding.kind === 'dropped') {
      const message = `the group was dropped: ${encoding.reason}.`;
      const error = new LachesisError('failed_precondition', message, { reason: encoding.reason });
      await this.fail(assignment, error, true);
      return;
    }
    const { header, headerBytes, parts } = encoding.encoded;
    await storeGroup(broker, toStoredGroup(header, headerBytes, parts), signal);
    this.#release(assignment);
    // Those of this attempt have ended; another worker may have begun another.
    rollouts.endWith({ runId, groupId }, []);
    onChange(runId);
  }

  order(assignments: readonly Assignment[]): Promise<void> {
    return this.#options.orderBacklog(assignments);
  }

  async fail(assignment: AssignmentKey, error: unknown, isPermanent: boolean): Promise<void> {
    const { broker, workerId, rollouts, onChange, logger } = this.#options;
    const reason = error instanceof LachesisError ? error.reason : errorMessage(error);
    // What somebody cancelled is not played again.
    const permanent = isPermanent || reason === ROLLOUT_CANCELLED;
    const { runId, assignmentId } = assignment;
    await broker.failAssignment({ ...assignment, workerId, reason, permanent });
    logger.info('assignment failed', { runId, assignmentId, permanent, error });
    if (permanent) {
      rollouts.abandon(
        { runId, groupId: assignmentId },
        error instanceof LachesisError
          ? error
          : new LachesisError('infrastructure_error', errorMessage(error), {
              reason: 'ASSIGNMENT_FAILED',
              cause: error,
            }),
      );
    }
    if (this.#release(assignment)) onChange(runId);
  }

  /** Hands out no more work; what is played goes on. */
  stopLeasing(): void {
    this.#leasing.abort();
  }

  announcedVersion(runId: string): number {
    return this.#runs.get(runId)?.version ?? 0;
  }

  progress(event: Parameters<WorkPlane['progress']>[0], runId: string): void {
    this.#options.rollouts.progress(event, runId);
  }

  /** Fires when the rollout is cancelled. */
  rolloutSignal(rolloutId: string, runId: string): AbortSignal {
    return this.#options.rollouts.signalOf({ runId, rolloutId });
  }

  [Symbol.dispose](): void {
    this.#closing.abort();
  }

  async #workOf({ assignment, attempt, leaseMs }: LeasedAssignment): Promise<LeasedWork> {
    const order = assignmentFromProto(fromBinary(AssignmentSchema, assignment.payload));
    this.#leased.set(order.runId, order.id, true);
    try {
      const { policy } = await this.#follow(order.runId);
      return { assignment: order, policy, attempt, leaseMs };
    } catch (error) {
      this.#release({ runId: order.runId, assignmentId: order.id });
      throw error;
    }
  }

  /** Reads a run's policy once, and keeps its version current from then on. */
  async #follow(runId: string): Promise<FollowedRun> {
    const known = this.#runs.get(runId);
    if (known?.current === true) return known;
    const { settings, policyVersion } = await this.#options.broker.getRun(runId);
    const run: FollowedRun = { policy: settings, version: policyVersion, current: true };
    // Two leases may have asked at once.
    const first = this.#runs.get(runId);
    if (first?.current === true) return first;
    this.#runs.set(runId, run);
    void this.#watchVersion(runId, run);
    return run;
  }

  async #watchVersion(runId: string, run: FollowedRun): Promise<void> {
    const { broker, logger } = this.#options;
    const { signal } = this.#closing;
    try {
      for await (const version of broker.watchPolicyVersion(runId, signal)) run.version = version;
    } catch (error) {
      if (!signal.aborted) logger.warn('policy version not followed', { runId, error });
    }
    // What still plays goes on under the last version that was heard of.
    run.current = false;
    this.#forgetEnded(runId);
  }

  /** An assignment is held no longer; false when it was not. */
  #release({ runId, assignmentId }: AssignmentKey): boolean {
    const wasHeld = this.#leased.get(runId, assignmentId) !== undefined;
    this.#leased.delete(runId, assignmentId);
    if (wasHeld) this.#forgetEnded(runId);
    return wasHeld;
  }

  #forgetEnded(runId: string): void {
    if (this.#runs.get(runId)?.current === true) return;
    if (this.#leased.sizeOf(runId) === 0) this.#runs.delete(runId);
  }
}
