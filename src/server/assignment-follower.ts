import { fromBinary } from '@bufbuild/protobuf';
import { AssignmentSchema } from '../../gen/lachesis/v1/task_pb.ts';
import type { AssignmentEvent, Broker, StoredAssignment } from '../broker/index.ts';
import {
  type Assignment,
  assignmentFromProto,
  ROLLOUT_CANCELLED,
  rolloutIdsOf,
  taskKeyOf,
} from '../contract/index.ts';
import { LachesisError } from '../errors.ts';
import type { Logger } from '../telemetry/index.ts';
import { LeaseTable } from './lease-table.ts';
import { dispatchedGroup } from './rollout-state.ts';
import type { Rollouts } from './rollouts.ts';

export interface FollowAssignmentsOptions {
  readonly broker: Broker;
  readonly rollouts: Rollouts;
  /** The worker in this process, which tells itself how its rollouts begin and end. */
  readonly localWorkerId: string;
  /** An assignment ended. */
  readonly onEnded: (runId: string) => void;
  readonly logger: Logger;
  /** Fires when the server begins to stop: what goes back to the queue then is for another one. */
  readonly stopping: AbortSignal;
}

/**
 * Keeps the rollouts of every assignment in step with what becomes of it, whoever plays it: known while
 * it waits, begun when a worker elsewhere has it, and ended, once, when nobody will play that attempt on.
 * A group that is stored ends its own, by whoever took it in.
 */
export class AssignmentFollower implements Disposable {
  readonly leases = new LeaseTable();
  readonly #options: FollowAssignmentsOptions;
  readonly #following: Disposable;

  constructor(options: FollowAssignmentsOptions) {
    this.#options = options;
    this.#following = options.broker.followAssignments((event) => {
      try {
        this.#take(event);
      } catch (error) {
        options.logger.error('an assignment was not followed', { id: event.assignment.id, error });
      }
    });
  }

  [Symbol.dispose](): void {
    this.#following[Symbol.dispose]();
  }

  #take(event: AssignmentEvent): void {
    const { id, runId } = event.assignment;
    const key = { runId, assignmentId: id };
    const holder = this.leases.holderOf(key);
    this.leases.delete(key);
    switch (event.kind) {
      case 'queued':
        this.#queued(event);
        return;
      case 'leased':
        this.leases.set(key, event.workerId);
        this.#leased(event);
        return;
      case 'ended':
        this.#ended(event, holder);
        this.#options.onEnded(runId);
    }
  }

  #queued({ assignment, attempt, error }: AssignmentEvent & { kind: 'queued' }): void {
    const { rollouts, stopping } = this.#options;
    // Whoever enqueued it has made them known, as a rule.
    const { id: groupId, runId } = assignment;
    const group = { runId, groupId };
    if (attempt === 1 && rollouts.log.rolloutsOf(group).length > 0) return;
    const order = orderOf(assignment);
    const wasCancelled =
      attempt > 1 &&
      rolloutIdsOf(order, attempt - 1).every((rolloutId) =>
        rollouts.isCancelled({ runId, rolloutId }),
      );
    if (error !== undefined) rollouts.abandon(group, playedAgain(attempt, error));
    if (stopping.aborted) return;
    rollouts.log.dispatch(dispatchedGroup(order, attempt));
    if (!wasCancelled) return;
    const states = rolloutIdsOf(order, attempt).flatMap(
      (rolloutId) => rollouts.log.stateOf({ runId, rolloutId }) ?? [],
    );
    rollouts.cancel(states, '');
  }

  #leased({ assignment, attempt, workerId }: AssignmentEvent & { kind: 'leased' }): void {
    const { rollouts, localWorkerId } = this.#options;
    const order = orderOf(assignment);
    rollouts.log.dispatch(dispatchedGroup(order, attempt));
    if (workerId === localWorkerId) return;
    const taskKey = taskKeyOf(order);
    for (const [index, rolloutId] of rolloutIdsOf(order, attempt).entries()) {
      const event = { kind: 'started', rolloutId, groupId: order.id, taskKey, index } as const;
      rollouts.progress(event, assignment.runId);
    }
  }

  #ended(
    { assignment, how, error }: AssignmentEvent & { kind: 'ended' },
    holder: string | undefined,
  ): void {
    const { rollouts, localWorkerId } = this.#options;
    const { id, runId } = assignment;
    const group = { runId, groupId: id };
    switch (how) {
      case 'stored':
        return;
      case 'run_closed':
        // What is played here ends with what it has done by then.
        if (holder === localWorkerId) {
          rollouts.cancel(rollouts.openOf(group), runWasClosed(runId));
          return;
        }
        rollouts.abandon(group, cancelled(runWasClosed(runId)));
        return;
      case 'assignment_failed':
      case 'attempts_exhausted':
        rollouts.abandon(
          group,
          error === ROLLOUT_CANCELLED
            ? cancelled('the rollout was cancelled.')
            : givenUp(how, error),
        );
    }
  }
}

function orderOf({ payload }: StoredAssignment): Assignment {
  return assignmentFromProto(fromBinary(AssignmentSchema, payload));
}

/** In words, for the rollouts that end with it. */
export function runWasClosed(runId: string): string {
  return `run "${runId}" was closed.`;
}

function playedAgain(attempt: number, error: string): LachesisError {
  const message = `the group is played again, as attempt ${attempt}: ${error}`;
  return new LachesisError('infrastructure_error', message, { reason: 'PLAYED_AGAIN' });
}

function givenUp(how: string, error: string): LachesisError {
  const message = `the assignment was given up: ${error}`;
  return new LachesisError('infrastructure_error', message, { reason: how.toUpperCase() });
}

function cancelled(message: string): LachesisError {
  return new LachesisError('cancelled', message, { reason: ROLLOUT_CANCELLED });
}
