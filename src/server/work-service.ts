import { create, fromBinary } from '@bufbuild/protobuf';
import type { ConnectRouter } from '@connectrpc/connect';
import { AssignmentSchema, type Task } from '../../gen/lachesis/v1/task_pb.ts';
import {
  EnqueueAssignmentsResponseSchema,
  ExtendAssignmentsResponseSchema,
  FailAssignmentResponseSchema,
  HeartbeatWorkerResponseSchema,
  LeaseAssignmentsResponseSchema,
  RegisterWorkerResponseSchema,
  ReportEventsResponseSchema,
  WorkService,
} from '../../gen/lachesis/v1/work_service_pb.ts';
import { type Broker, systemClock } from '../broker/index.ts';
import {
  type Assignment,
  assertId,
  assertOptionalId,
  assertRunId,
  assignmentFromProto,
  durationFromMs,
  leasedOrderToProto,
  msFromDuration,
  rolloutProgressFromProto,
} from '../contract/index.ts';
import { invalidInput, LachesisError } from '../errors.ts';
import { waitMsOf } from './batch-service.ts';
import type { KnownEnvironments } from './known-environments.ts';
import type { LeaseTable } from './lease-table.ts';
import { isLocalWorkerId } from './local-worker-id.ts';
import { orderGroups } from './order-groups.ts';
import type { Rollouts } from './rollouts.ts';
import { submitStream } from './submit-stream.ts';
import { causeOf, WorkerDesk } from './worker-desk.ts';
import type { WorkerRegistry } from './worker-registry.ts';

export interface WorkServiceOptions {
  readonly broker: Broker;
  readonly maxGroupBytes: number;
  readonly workers: WorkerRegistry;
  readonly environments: Pick<KnownEnvironments, 'assertPlayable'>;
  readonly leases: LeaseTable;
  readonly rollouts: Rollouts;
  readonly orderBacklog: (assignments: readonly Assignment[]) => Promise<void>;
  readonly onStored: (runId: string) => void;
  /** Fires when the server begins to stop: nothing is leased any more. */
  readonly stopping: AbortSignal;
  readonly now?: () => number;
}

/** Assignments of one call. */
const MAX_ENQUEUE = 10_000;
const MAX_LEASE = 1_000;
/** Of one report; a message has room for no more than small ones. */
const MAX_EVENTS = 10_000;
/** Of one order to play. */
const MAX_ORDER_BYTES = 2 * 1_048_576;
/** Of a task that is given whole. */
const MAX_TASK_BYTES = MAX_ORDER_BYTES - 65_536;
const MAX_ENVIRONMENTS = 1_000;

/** Serves `WorkService` over the broker. */
export function workService(router: ConnectRouter, options: WorkServiceOptions): void {
  const { broker, workers, environments, leases, stopping, now = systemClock.nowMs } = options;
  const desk = new WorkerDesk(options);
  const namedBy = (workerId: string, ids: readonly string[], runIds: readonly string[]) => {
    assertFew(ids, 'assignment_ids');
    if (runIds.length > 0 && runIds.length !== ids.length) {
      const said = `are ${runIds.length} for ${ids.length} assignments`;
      throw invalidInput('assignment_run_ids', `${said}; give one for each, or none.`);
    }
    return ids.map((id, index) =>
      leases.named(workerId, id, runIds[index] ?? '', `assignment_run_ids[${index}]`),
    );
  };
  router.service(WorkService, {
    registerWorker: async ({ workerId, environments, capacity, session }) => {
      assertId(workerId, 'worker_id');
      assertOptionalId(session, 'session');
      if (isLocalWorkerId(workerId)) {
        throw invalidInput('worker_id', `"${workerId}" is for the worker in a server.`);
      }
      if (capacity < 0) throw invalidInput('capacity', `is ${capacity}; it can't be negative.`);
      assertEnvironments(environments);
      const registration = { id: workerId, environments, capacity, session };
      if (workers.register(registration, now())) await desk.giveBack(workerId);
      return create(RegisterWorkerResponseSchema, {
        leaseDuration: durationFromMs(workers.leaseMs),
      });
    },
    heartbeatWorker: async ({ workerId, assignmentIds, assignmentRunIds, session }) => {
      const { capacity } = workers.keep({ id: workerId, session }, now());
      const held = namedBy(workerId, assignmentIds, assignmentRunIds);
      const { lost, cancelledRollouts } = await desk.extend(workerId, held);
      const free = capacity - assignmentIds.length + lost.length;
      return create(HeartbeatWorkerResponseSchema, {
        credits: free <= 0 ? 0 : Math.min(free, await desk.credits()),
        cancelledAssignmentIds: lost.map(({ assignmentId }) => assignmentId),
        cancelledAssignmentRunIds: lost.map(({ runId }) => runId),
        cancelledRolloutIds: cancelledRollouts.map(({ rolloutId }) => rolloutId),
        cancelledRolloutRunIds: cancelledRollouts.map(({ runId }) => runId),
      });
    },
    enqueueAssignments: async ({ assignments, backlog }) => {
      if (assignments.length > MAX_ENQUEUE) {
        throw invalidInput(
          'assignments',
          `are ${assignments.length}; send at most ${MAX_ENQUEUE}.`,
        );
      }
      for (const [index, { environment, runId, taskSource }] of assignments.entries()) {
        assertRunId(runId, `assignments[${index}].run_id`);
        const field = `assignments[${index}].environment`;
        await environments.assertPlayable(environment, runId, field);
        if (taskSource.case === 'task') assertSendable(taskSource.value, `assignments[${index}]`);
      }
      if (!backlog) {
        const added = await orderGroups(assignments, options);
        return create(EnqueueAssignmentsResponseSchema, {
          addedIds: added.map(({ assignmentId }) => assignmentId),
          addedRunIds: added.map(({ runId }) => runId),
        });
      }
      const orders = assignments.map((wire, index) =>
        assignmentFromProto(wire, `assignments[${index}]`),
      );
      const place = orders.findIndex(({ runId }) => runId !== orders[0]?.runId);
      if (place > 0) {
        throw invalidInput(`assignments[${place}].run_id`, 'differs: a backlog is of one run.');
      }
      await options.orderBacklog(orders);
      return create(EnqueueAssignmentsResponseSchema);
    },
    leaseAssignments: async (request, { signal, timeoutMs }) => {
      const { workerId, session, maxAssignments, wait, requestId } = request;
      if (maxAssignments < 0) {
        throw invalidInput('max_assignments', `is ${maxAssignments}; it can't be negative.`);
      }
      const askedMs = wait === undefined ? 0 : msFromDuration(wait);
      if (askedMs < 0) throw invalidInput('wait', `is ${askedMs} ms; it can't be negative.`);
      assertOptionalId(requestId, 'request_id');
      const worker = workers.keep({ id: workerId, session }, now());
      if (stopping.aborted) throw serverStops();
      const leased = await desk.lease({
        workerId,
        requestId: requestId || undefined,
        environments: worker.environments,
        max: Math.min(maxAssignments || 1, MAX_LEASE, worker.capacity || 1),
        waitMs: waitMsOf(askedMs, timeoutMs()) ?? 0,
        signal: AbortSignal.any([signal, stopping, worker.replaced]),
      });
      return create(LeaseAssignmentsResponseSchema, {
        leases: await Promise.all(
          leased.map(async ({ assignment, attempt, leaseMs }) =>
            leasedOrderToProto({
              assignment: sendableOrder(assignment.payload),
              run: await broker.getRun(assignment.runId),
              attempt,
              leaseMs,
            }),
          ),
        ),
      });
    },
    extendAssignments: async ({ workerId, assignmentIds, assignmentRunIds, session }) => {
      workers.keep({ id: workerId, session }, now());
      const held = namedBy(workerId, assignmentIds, assignmentRunIds);
      const { lost } = await desk.extend(workerId, held);
      return create(ExtendAssignmentsResponseSchema, {
        lostAssignmentIds: lost.map(({ assignmentId }) => assignmentId),
        lostAssignmentRunIds: lost.map(({ runId }) => runId),
      });
    },
    failAssignment: async ({ workerId, session, assignmentId, runId, error, permanent }) => {
      assertId(assignmentId, 'assignment_id');
      workers.keep({ id: workerId, session }, now());
      const assignment = leases.named(workerId, assignmentId, runId, 'run_id');
      await desk.fail({ workerId, assignment, error: causeOf(error), permanent });
      return create(FailAssignmentResponseSchema);
    },
    reportEvents: ({ workerId, session, events, missedTurns }) => {
      workers.keep({ id: workerId, session }, now());
      if (events.length > MAX_EVENTS) {
        throw invalidInput('events', `are ${events.length}; send at most ${MAX_EVENTS} at a time.`);
      }
      const report = {
        events: events.flatMap((wire, index) => {
          const field = `events[${index}]`;
          const { runId } = wire;
          assertRunId(runId, `${field}.run_id`);
          const event = rolloutProgressFromProto(wire, field);
          return event === undefined ? [] : { runId, event };
        }),
        missedTurns: missedTurns.map(({ runId, rolloutId, turns }, index) => {
          assertRunId(runId, `missed_turns[${index}].run_id`);
          assertId(rolloutId, `missed_turns[${index}].rollout_id`);
          return { runId, rolloutId, turns };
        }),
      };
      return create(ReportEventsResponseSchema, { told: desk.tell(workerId, report) });
    },
    submitGroups: (requests, { signal }) => submitStream(requests, { ...options, signal }),
  });
}

/** One that was given whole goes to a worker as it is, or to nobody. */
function assertSendable({ dataJson }: Task, field: string): void {
  const bytes = Buffer.byteLength(dataJson);
  // The order around it is small; what it may be in all is what a lease sends.
  if (bytes <= MAX_TASK_BYTES) return;
  throw invalidInput(`${field}.task.data_json`, `has ${bytes} bytes.`, {
    reason: 'TASK_TOO_LARGE',
    remedy: `Give at most ${MAX_TASK_BYTES}, or name a task of the environment by task_key.`,
  });
}

/** A task of an environment's own that no message holds is sent by its key: the worker has it too. */
function sendableOrder(payload: Uint8Array): Assignment {
  const order = assignmentFromProto(fromBinary(AssignmentSchema, payload));
  if (payload.length <= MAX_ORDER_BYTES || order.task.kind === 'key') return order;
  return { ...order, task: { kind: 'key', key: order.task.task.key } };
}

function assertEnvironments(environments: readonly string[]): void {
  if (environments.length === 0) {
    throw invalidInput('environments', 'is empty; name what the worker can play.');
  }
  if (environments.length > MAX_ENVIRONMENTS) {
    throw invalidInput('environments', `are ${environments.length}; at most ${MAX_ENVIRONMENTS}.`);
  }
  for (const [index, name] of environments.entries()) assertId(name, `environments[${index}]`);
}

function assertFew(ids: readonly string[], field: string): void {
  if (ids.length <= MAX_ENQUEUE) return;
  throw invalidInput(field, `are ${ids.length}; send at most ${MAX_ENQUEUE} at a time.`);
}

function serverStops(): LachesisError {
  return new LachesisError('infrastructure_error', 'the server is shutting down.', {
    reason: 'SERVER_STOPPING',
    remedy: 'Lease again when it, or another, serves.',
    retryAfterMs: 1_000,
  });
}
