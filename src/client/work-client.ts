import type { Client, Transport } from '@connectrpc/connect';
import { WorkService } from '../../gen/lachesis/v1/work_service_pb.ts';
import {
  type Assignment,
  assignmentToProto,
  durationFromMs,
  errorDetailToProto,
  type LeasedOrder,
  leasedOrderFromProto,
  msFromDuration,
  type RolloutProgress,
  sendableEvent,
} from '../contract/index.ts';
import { clipText, errorMessage } from '../errors.ts';
import { createRpcClient } from '../transport/index.ts';
import { type CallOptions, toConnect } from './call-options.ts';
import { Reconnector } from './reconnect.ts';
import { SubmitStream } from './submit-stream.ts';

/** Of an error's words, which travel beside its detail. */
const MAX_MESSAGE_BYTES = 1_000;

/** Of a call of a registered worker. */
export interface WorkerCallOptions extends CallOptions {
  /** As it registered. Default: none. */
  readonly session?: string;
}

/** For workers and other producers of groups. */
export class WorkClient {
  readonly #control: Client<typeof WorkService>;
  readonly #bulk: Client<typeof WorkService>;
  readonly #reconnect: Reconnector;

  /** Groups go over `bulk`, so that calls on `control` do not wait behind them. */
  constructor(
    control: Transport,
    bulk: Transport = control,
    reconnect: Reconnector = new Reconnector(false),
  ) {
    this.#control = createRpcClient(WorkService, control);
    this.#bulk = createRpcClient(WorkService, bulk);
    this.#reconnect = reconnect;
  }

  async register(
    worker: {
      readonly workerId: string;
      readonly environments: readonly string[];
      readonly capacity: number;
      /** Made up at the worker's start; a later start with its id takes its place. Default: none. */
      readonly session?: string;
    },
    options?: CallOptions,
  ): Promise<{ readonly leaseMs: number }> {
    const request = { ...worker, environments: [...worker.environments] };
    const response = await this.#control.registerWorker(request, toConnect(options));
    return { leaseMs: msFromDuration(response.leaseDuration) };
  }

  /** Keeps a worker's lease; says how much it may begin and what it should stop. */
  async heartbeat(
    workerId: string,
    assignmentIds: readonly string[],
    options: WorkerCallOptions = {},
  ): Promise<{
    readonly credits: number;
    /** Assignments that are gone, or shall not go on. */
    readonly cancelled: readonly string[];
    /** Rollouts that shall not go on, of assignments that do. */
    readonly cancelledRollouts: readonly string[];
  }> {
    const request = { ...workerOf(workerId, options), assignmentIds: [...assignmentIds] };
    const response = await this.#control.heartbeatWorker(request, toConnect(options));
    return {
      credits: response.credits,
      cancelled: response.cancelledAssignmentIds,
      cancelledRollouts: response.cancelledRolloutIds,
    };
  }

  /** Takes assignments to play, of the environments that the worker registered with; may resolve with none. */
  async lease(
    workerId: string,
    options: WorkerCallOptions & {
      /** Default: 1. */
      readonly max?: number;
      /** How long to wait for the first. Default: not at all. */
      readonly waitMs?: number;
    } = {},
  ): Promise<readonly LeasedOrder[]> {
    const { max = 1, waitMs } = options;
    const request = {
      ...workerOf(workerId, options),
      maxAssignments: max,
      ...(waitMs !== undefined && { wait: durationFromMs(waitMs) }),
    };
    const { leases } = await this.#control.leaseAssignments(request, toConnect(options));
    return leases.map((lease, index) => leasedOrderFromProto(lease, `leases[${index}]`));
  }

  /** Keeps leases; returns the ids of those that are gone. */
  async extend(
    workerId: string,
    assignmentIds: readonly string[],
    options: WorkerCallOptions = {},
  ): Promise<readonly string[]> {
    const request = { ...workerOf(workerId, options), assignmentIds: [...assignmentIds] };
    const response = await this.#control.extendAssignments(request, toConnect(options));
    return response.lostAssignmentIds;
  }

  /** Gives an assignment back with what went wrong; `permanent`: nobody should try it again. */
  async fail(
    workerId: string,
    assignmentId: string,
    options: WorkerCallOptions & { readonly error: unknown; readonly permanent?: boolean },
  ): Promise<void> {
    const detail = errorDetailToProto(options.error);
    const message = clipText(errorMessage(options.error), MAX_MESSAGE_BYTES);
    const error = { ...detail, metadata: { ...detail.metadata, message } };
    const { permanent = false } = options;
    await this.#control.failAssignment(
      { ...workerOf(workerId, options), assignmentId, error, permanent },
      toConnect(options),
    );
  }

  /** Tells of rollouts that the worker plays, for those who watch; returns how much of it is new. */
  async reportEvents(
    workerId: string,
    report: {
      /** Beginnings and turns; an end is left out, since it comes with the group. */
      readonly events: readonly { readonly event: RolloutProgress; readonly attempt: number }[];
      /** Turns that were left untold, by rollout, from its beginning. */
      readonly missedTurns: ReadonlyMap<string, number>;
    },
    options: WorkerCallOptions = {},
  ): Promise<number> {
    const timeMs = Date.now();
    const request = {
      ...workerOf(workerId, options),
      events: report.events.map(({ event, attempt }) =>
        sendableEvent(event, { sequence: 0, timeMs, attempt }),
      ),
      missedTurns: Object.fromEntries(report.missedTurns),
    };
    return (await this.#control.reportEvents(request, toConnect(options))).told;
  }

  /** Adds assignments; returns the ids that are new. */
  async enqueue(
    assignments: readonly Assignment[],
    options: CallOptions & {
      readonly priority?: number;
      /** They follow from a group that was played, and come before the run's new tasks. */
      readonly backlog?: boolean;
    } = {},
  ): Promise<readonly string[]> {
    const request = {
      backlog: options.backlog ?? false,
      assignments: assignments.map((assignment) => assignmentToProto(assignment, options.priority)),
    };
    const response = await this.#control.enqueueAssignments(request, toConnect(options));
    return response.addedIds;
  }

  /** Opens a stream of groups for a run; close it with `close`, or dispose of it. */
  submitGroups(
    runId: string,
    options: CallOptions & { readonly workerId?: string; readonly maxInFlight?: number } = {},
  ): SubmitStream {
    return new SubmitStream(
      (frames, call) => this.#bulk.submitGroups(frames, toConnect(call)),
      { runId, ...options },
      this.#reconnect,
    );
  }
}

function workerOf(workerId: string, { session = '' }: WorkerCallOptions) {
  return { workerId, session };
}
