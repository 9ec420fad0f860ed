import type { Client, Transport } from '@connectrpc/connect';
import { WorkService } from '../../gen/lachesis/v1/work_service_pb.ts';
import type { AssignmentKey } from '../broker/index.ts';
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

/** An assignment that a worker holds: with its run, or by its id alone where it holds none of another run with that id. */
export type AssignmentName = AssignmentKey | string;

/** Of a call of a registered worker. */
export interface WorkerCallOptions extends CallOptions {
  /** As it registered. Default: none. */
  readonly session?: string;
}

/** Turns of a rollout that were left untold, from its beginning. */
export interface MissedTurns {
  readonly runId: string;
  readonly rolloutId: string;
  readonly turns: number;
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
    held: readonly AssignmentName[],
    options: WorkerCallOptions = {},
  ): Promise<{
    readonly credits: number;
    /** Assignments that are gone, or shall not go on. */
    readonly cancelled: readonly AssignmentKey[];
    /** Rollouts that shall not go on, of assignments that do. */
    readonly cancelledRollouts: readonly { readonly runId: string; readonly rolloutId: string }[];
  }> {
    const request = { ...workerOf(workerId, options), ...namesToProto(held) };
    const response = await this.#control.heartbeatWorker(request, toConnect(options));
    return {
      credits: response.credits,
      cancelled: lostOf(held, response.cancelledAssignmentIds, response.cancelledAssignmentRunIds),
      cancelledRollouts: response.cancelledRolloutIds.map((rolloutId, index) => ({
        runId: response.cancelledRolloutRunIds[index] ?? '',
        rolloutId,
      })),
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
      /** Another for each lease; made again under the same, a call whose answer was lost gets the same. */
      readonly requestId?: string;
    } = {},
  ): Promise<readonly LeasedOrder[]> {
    const { max = 1, waitMs, requestId = '' } = options;
    const request = {
      ...workerOf(workerId, options),
      maxAssignments: max,
      requestId,
      ...(waitMs !== undefined && { wait: durationFromMs(waitMs) }),
    };
    const { leases } = await this.#control.leaseAssignments(request, toConnect(options));
    return leases.map((lease, index) => leasedOrderFromProto(lease, `leases[${index}]`));
  }

  /** Keeps leases; returns those that are gone. */
  async extend(
    workerId: string,
    held: readonly AssignmentName[],
    options: WorkerCallOptions = {},
  ): Promise<readonly AssignmentKey[]> {
    const request = { ...workerOf(workerId, options), ...namesToProto(held) };
    const response = await this.#control.extendAssignments(request, toConnect(options));
    return lostOf(held, response.lostAssignmentIds, response.lostAssignmentRunIds);
  }

  /** Gives an assignment back with what went wrong; `permanent`: nobody should try it again. */
  async fail(
    workerId: string,
    assignment: AssignmentName,
    options: WorkerCallOptions & { readonly error: unknown; readonly permanent?: boolean },
  ): Promise<void> {
    const detail = errorDetailToProto(options.error);
    const message = clipText(errorMessage(options.error), MAX_MESSAGE_BYTES);
    const error = { ...detail, metadata: { ...detail.metadata, message } };
    const { permanent = false } = options;
    await this.#control.failAssignment(
      { ...workerOf(workerId, options), ...keyOf(assignment), error, permanent },
      toConnect(options),
    );
  }

  /** Tells of rollouts that the worker plays, for those who watch; returns how much of it is new. */
  async reportEvents(
    workerId: string,
    report: {
      /** Beginnings and turns; an end is left out, since it comes with the group. */
      readonly events: readonly {
        readonly event: RolloutProgress;
        readonly runId: string;
        readonly attempt: number;
      }[];
      /** One for each rollout of which some were. */
      readonly missedTurns: readonly MissedTurns[];
    },
    options: WorkerCallOptions = {},
  ): Promise<number> {
    const timeMs = Date.now();
    const request = {
      ...workerOf(workerId, options),
      events: report.events.map(({ event, runId, attempt }) =>
        sendableEvent(event, { sequence: 0, timeMs, runId, attempt }),
      ),
      missedTurns: [...report.missedTurns],
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

function keyOf(name: AssignmentName): AssignmentKey {
  return typeof name === 'string' ? { runId: '', assignmentId: name } : name;
}

function namesToProto(names: readonly AssignmentName[]) {
  const keys = names.map(keyOf);
  return {
    assignmentIds: keys.map(({ assignmentId }) => assignmentId),
    assignmentRunIds: keys.map(({ runId }) => runId),
  };
}

/** Of those that are held. A server of before runs were named says no run: then they are of all. */
function lostOf(
  held: readonly AssignmentName[],
  ids: readonly string[],
  runIds: readonly string[],
): readonly AssignmentKey[] {
  if (runIds.length === ids.length) {
    return ids.map((assignmentId, index) => ({ runId: runIds[index] ?? '', assignmentId }));
  }
  const lost = new Set(ids);
  return held.map(keyOf).filter(({ assignmentId }) => lost.has(assignmentId));
}

function workerOf(workerId: string, { session = '' }: WorkerCallOptions) {
  return { workerId, session };
}
