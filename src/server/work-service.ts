import { create, toBinary } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import type { ConnectRouter } from '@connectrpc/connect';
import {
  AssignmentSchema,
  type Assignment as WireAssignment,
} from '../../gen/lachesis/v1/task_pb.ts';
import {
  EnqueueAssignmentsResponseSchema,
  HeartbeatWorkerResponseSchema,
  RegisterWorkerResponseSchema,
  WorkService,
} from '../../gen/lachesis/v1/work_service_pb.ts';
import type { Broker, StoredAssignment } from '../broker/index.ts';
import { assertId, assignmentFromProto } from '../contract/index.ts';
import { invalidInput } from '../errors.ts';
import { submitStream } from './submit-stream.ts';
import { WorkerRegistry } from './worker-registry.ts';

export interface WorkServiceOptions {
  readonly broker: Broker;
  readonly maxGroupBytes: number;
  readonly checkEnvironment: (name: string, field: string) => void;
  /** Called with assignments before they are enqueued, so that their rollouts are known. */
  readonly onEnqueue: (assignments: readonly WireAssignment[]) => void;
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
      const stored = assignments.map((assignment, index) => {
        const field = `assignments[${index}]`;
        assertId(assignment.runId, `${field}.run_id`);
        options.checkEnvironment(assignment.environment, `${field}.environment`);
        return storedAssignmentOf(assignment, field);
      });
      options.onEnqueue(assignments);
      return create(EnqueueAssignmentsResponseSchema, {
        addedIds: [...(await broker.enqueue(stored))],
      });
    },
    submitGroups: (requests, { signal }) => submitStream(requests, { ...options, signal }),
  });
}

/** What the broker keeps of an assignment; throws `invalid_input` for one that can't be played. */
export function storedAssignmentOf(assignment: WireAssignment, field: string): StoredAssignment {
  assignmentFromProto(assignment, field);
  return {
    id: assignment.id,
    runId: assignment.runId,
    environment: assignment.environment,
    priority: assignment.priority,
    payload: toBinary(AssignmentSchema, assignment),
  };
}
