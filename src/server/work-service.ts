import { create } from '@bufbuild/protobuf';
import type { ConnectRouter } from '@connectrpc/connect';
import {
  EnqueueAssignmentsResponseSchema,
  HeartbeatWorkerResponseSchema,
  RegisterWorkerResponseSchema,
  WorkService,
} from '../../gen/lachesis/v1/work_service_pb.ts';
import type { Broker } from '../broker/index.ts';
import { assertId, assertRunId, durationFromMs } from '../contract/index.ts';
import { invalidInput } from '../errors.ts';
import { orderGroups } from './order-groups.ts';
import type { Rollouts } from './rollouts.ts';
import { submitStream } from './submit-stream.ts';
import { WorkerRegistry } from './worker-registry.ts';

export interface WorkServiceOptions {
  readonly broker: Broker;
  readonly maxGroupBytes: number;
  readonly checkEnvironment: (name: string, field: string) => void;
  readonly rollouts: Rollouts;
  readonly onStored: (runId: string) => void;
  readonly now?: () => number;
}

/** The methods of WorkService that answer UNIMPLEMENTED. */
export const UNIMPLEMENTED_WORK_METHODS = [
  'LeaseAssignments',
  'ExtendAssignments',
  'FailAssignment',
] as const;

/** Assignments of one call. */
const MAX_ENQUEUE = 10_000;

/** Serves `WorkService` over the broker. */
export function workService(router: ConnectRouter, options: WorkServiceOptions): void {
  const { broker, now = Date.now } = options;
  const workers = new WorkerRegistry();
  router.service(WorkService, {
    registerWorker: ({ workerId, environments, capacity }) => {
      assertId(workerId, 'worker_id');
      if (capacity < 0) throw invalidInput('capacity', `is ${capacity}; it can't be negative.`);
      workers.register({ id: workerId, environments, capacity }, now());
      return create(RegisterWorkerResponseSchema, {
        leaseDuration: durationFromMs(workers.leaseMs),
      });
    },
    heartbeatWorker: async ({ workerId, assignmentIds }) => {
      const { capacity } = workers.heartbeat(workerId, now());
      const lost = await broker.extend(workerId, assignmentIds);
      let credits = 0;
      for (const run of await broker.listRuns()) {
        if (!run.closed) credits += await broker.credits(run.id);
      }
      return create(HeartbeatWorkerResponseSchema, {
        credits: Math.min(credits, Math.max(0, capacity - assignmentIds.length + lost.length)),
        cancelledAssignmentIds: [...lost],
      });
    },
    enqueueAssignments: async ({ assignments }) => {
      if (assignments.length > MAX_ENQUEUE) {
        throw invalidInput(
          'assignments',
          `are ${assignments.length}; send at most ${MAX_ENQUEUE}.`,
        );
      }
      for (const [index, { environment, runId }] of assignments.entries()) {
        assertRunId(runId, `assignments[${index}].run_id`);
        options.checkEnvironment(environment, `assignments[${index}].environment`);
      }
      const addedIds = [...(await orderGroups(assignments, options))];
      return create(EnqueueAssignmentsResponseSchema, { addedIds });
    },
    submitGroups: (requests, { signal }) => submitStream(requests, { ...options, signal }),
  });
}
