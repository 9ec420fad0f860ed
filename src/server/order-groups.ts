import { toBinary } from '@bufbuild/protobuf';
import {
  AssignmentSchema,
  type Assignment as WireAssignment,
} from '../../gen/lachesis/v1/task_pb.ts';
import type { AssignmentKey, Broker } from '../broker/index.ts';
import { type Assignment, assignmentFromProto } from '../contract/index.ts';
import { LachesisError } from '../errors.ts';
import { dispatchedGroup, type GroupKey } from './rollout-state.ts';
import type { Rollouts } from './rollouts.ts';

/**
 * Puts groups of runs in the queue. Their rollouts are known before anyone can play them, and those
 * of a group that is not queued after all get their ending here. Returns those that are new.
 */
export async function orderGroups(
  wires: readonly WireAssignment[],
  options: { readonly broker: Broker; readonly rollouts: Rollouts },
  fieldOf: (index: number) => string = (index) => `assignments[${index}]`,
): Promise<readonly AssignmentKey[]> {
  const { broker, rollouts } = options;
  const assignments = wires.map((wire, index) => assignmentFromProto(wire, fieldOf(index)));
  for (const runId of new Set(assignments.map((assignment) => assignment.runId))) {
    if (!(await broker.getRun(runId)).closed) continue;
    throw new LachesisError('failed_precondition', `run "${runId}" is closed.`, {
      reason: 'RUN_CLOSED',
      remedy: 'Open a run with another id.',
    });
  }
  const dispatched = assignments.filter(
    (assignment) => rollouts.log.rolloutsOf(groupOf(assignment)).length === 0,
  );
  for (const assignment of dispatched) rollouts.log.dispatch(dispatchedGroup(assignment));
  try {
    const added = await broker.enqueue(
      assignments.map(({ id, runId, environment, groupSize }, index) => {
        const wire = wires[index] as WireAssignment;
        const payload = toBinary(AssignmentSchema, wire);
        return { id, runId, environment, groupSize, priority: wire.priority, payload };
      }),
    );
    const isNew = new Set(added.map(({ runId, assignmentId }) => `${runId} ${assignmentId}`));
    for (const one of dispatched) {
      if (isNew.has(`${one.runId} ${one.id}`)) continue;
      rollouts.abandon(groupOf(one), knownBefore(one.id));
    }
    return added;
  } catch (error) {
    for (const one of dispatched) rollouts.abandon(groupOf(one), knownOr(error));
    throw error;
  }
}

function groupOf({ id, runId }: Pick<Assignment, 'id' | 'runId'>): GroupKey {
  return { runId, groupId: id };
}

/** Ended so long ago that the log has forgotten it. */
function knownBefore(id: string): LachesisError {
  return new LachesisError('aborted', `group "${id}" was ordered before.`, {
    reason: 'GROUP_KNOWN',
    remedy: 'Order it under another id.',
  });
}

function knownOr(error: unknown): LachesisError {
  if (error instanceof LachesisError) return error;
  return new LachesisError('internal', 'the group could not be queued.', {
    reason: 'NOT_QUEUED',
    cause: error,
  });
}
