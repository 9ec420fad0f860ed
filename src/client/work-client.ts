import type { Client, Transport } from '@connectrpc/connect';
import { WorkService } from '../../gen/lachesis/v1/work_service_pb.ts';
import { type Assignment, assignmentToProto, msFromDuration } from '../contract/index.ts';
import { createRpcClient } from '../transport/index.ts';
import { type CallOptions, toConnect } from './call-options.ts';
import { Reconnector } from './reconnect.ts';
import { SubmitStream } from './submit-stream.ts';

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
    options?: CallOptions,
  ): Promise<{ readonly credits: number; readonly cancelled: readonly string[] }> {
    const request = { workerId, assignmentIds: [...assignmentIds] };
    const response = await this.#control.heartbeatWorker(request, toConnect(options));
    return { credits: response.credits, cancelled: response.cancelledAssignmentIds };
  }

  /** Adds assignments; returns the ids that are new. */
  async enqueue(
    assignments: readonly Assignment[],
    options: CallOptions & { readonly priority?: number } = {},
  ): Promise<readonly string[]> {
    const request = {
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
