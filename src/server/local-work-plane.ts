import { fromBinary } from '@bufbuild/protobuf';
import { AssignmentSchema } from '../../gen/lachesis/v1/task_pb.ts';
import { pause } from '../async/index.ts';
import type { Broker, LeasedAssignment } from '../broker/index.ts';
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
  /** The run of each assignment that is held. */
  readonly #leased = new Map<string, string>();
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

  async heartbeat(assignmentIds: readonly string[]): Promise<readonly string[]> {
    const lost = await this.#options.broker.extend(this.#options.workerId, assignmentIds);
    for (const id of lost) this.#release(id);
    return lost;
  }

  async submit(group: Group, signal: AbortSignal, policy: GroupPolicy): Promise<void> {
    const { broker, rollouts, onChange } = this.#options;
    const encoding = encodeGroup(group, { policy });
    if (encoding.kind === 'dropped') {
      const message = `the group was dropped: ${encoding.reason}.`;
      const error = new LachesisError('failed_precondition', message, { reason: encoding.reason });
      await this.fail(group.id, error, true);
      return;
    }
    const { header, headerBytes, parts } = encoding.encoded;
    await storeGroup(broker, toStoredGroup(header, headerBytes, parts), signal);
    this.#release(group.id);
    // Those of this attempt have ended; another worker may have begun another.
    rollouts.endWith(group.id, []);
    onChange(group.runId);
  }

  order(assignments: readonly Assignment[]): Promise<void> {
    return this.#options.orderBacklog(assignments);
  }

  async fail(assignmentId: string, error: unknown, isPermanent: boolean): Promise<void> {
    const { broker, workerId, rollouts, onChange, logger } = this.#options;
    const reason = error instanceof LachesisError ? error.reason : errorMessage(error);
    // What somebody cancelled is not played again.
    const permanent = isPermanent || reason === ROLLOUT_CANCELLED;
    await broker.failAssignment({ workerId, assignmentId, reason, permanent });
    logger.info('assignment failed', { assignmentId, permanent, error });
    if (permanent) {
      rollouts.abandon(
        assignmentId,
        error instanceof LachesisError
          ? error
          : new LachesisError('infrastructure_error', errorMessage(error), {
              reason: 'ASSIGNMENT_FAILED',
              cause: error,
            }),
      );
    }
    const runId = this.#release(assignmentId);
    if (runId !== undefined) onChange(runId);
  }

  /** Hands out no more work; what is played goes on. */
  stopLeasing(): void {
    this.#leasing.abort();
  }

  announcedVersion(runId: string): number {
    return this.#runs.get(runId)?.version ?? 0;
  }

  progress(event: Parameters<WorkPlane['progress']>[0]): void {
    this.#options.rollouts.progress(event);
  }

  /** Fires when the rollout is cancelled. */
  rolloutSignal(rolloutId: string): AbortSignal {
    return this.#options.rollouts.signalOf(rolloutId);
  }

  [Symbol.dispose](): void {
    this.#closing.abort();
  }

  async #workOf({ assignment, attempt, leaseMs }: LeasedAssignment): Promise<LeasedWork> {
    const order = assignmentFromProto(fromBinary(AssignmentSchema, assignment.payload));
    this.#leased.set(order.id, order.runId);
    try {
      const { policy } = await this.#follow(order.runId);
      return { assignment: order, policy, attempt, leaseMs };
    } catch (error) {
      this.#release(order.id);
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

  /** An assignment is held no longer; returns its run. */
  #release(assignmentId: string): string | undefined {
    const runId = this.#leased.get(assignmentId);
    this.#leased.delete(assignmentId);
    if (runId !== undefined) this.#forgetEnded(runId);
    return runId;
  }

  #forgetEnded(runId: string): void {
    if (this.#runs.get(runId)?.current === true) return;
    if (!this.#leased.values().some((held) => held === runId)) this.#runs.delete(runId);
  }
}
