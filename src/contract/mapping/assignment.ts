import { create } from '@bufbuild/protobuf';
import {
  type Assignment as AssignmentProto,
  AssignmentSchema,
} from '../../../gen/lachesis/v1/task_pb.ts';
import { invalidInput } from '../../errors.ts';
import type { Assignment } from '../assignment.ts';
import { assertId, assertOptionalId } from './ids.ts';
import { samplingFromProto, samplingToProto } from './sampling.ts';
import { durationFromMs, int64FromNumber, msFromDuration, numberFromInt64 } from './scalars.ts';
import { taskFromProto, taskToProto } from './task.ts';

/** Most rollouts of one group. */
export const MAX_GROUP_SIZE = 4096;
/** Longest that a timer can wait; a longer one fires at once. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

export function assignmentToProto(assignment: Assignment, priority = 0): AssignmentProto {
  const { limits, seed } = assignment;
  return create(AssignmentSchema, {
    id: assignment.id,
    runId: assignment.runId,
    environment: assignment.environment,
    taskSource:
      assignment.task.kind === 'key'
        ? { case: 'taskKey', value: assignment.task.key }
        : { case: 'task', value: taskToProto(assignment.task.task) },
    groupSize: assignment.groupSize,
    sampling: samplingToProto(assignment.sampling),
    limits: {
      maxTurns: limits.maxTurns,
      timeout: limits.timeoutMs === undefined ? undefined : durationFromMs(limits.timeoutMs),
    },
    priority,
    seed: seed === undefined ? undefined : int64FromNumber(seed, 'assignment.seed'),
  });
}

/** Throws an invalid_input that names the field for an order that can't be played. */
export function assignmentFromProto(proto: AssignmentProto, field = 'assignment'): Assignment {
  assertId(proto.id, `${field}.id`);
  assertOptionalId(proto.runId, `${field}.run_id`);
  if (proto.environment === '') {
    throw invalidInput(`${field}.environment`, 'is empty; name the environment to play.');
  }
  if (proto.groupSize < 1 || proto.groupSize > MAX_GROUP_SIZE) {
    throw invalidInput(
      `${field}.group_size`,
      `is ${proto.groupSize}; it must be 1 to ${MAX_GROUP_SIZE}.`,
    );
  }
  return {
    id: proto.id,
    runId: proto.runId,
    environment: proto.environment,
    task: taskSourceFromProto(proto, field),
    groupSize: proto.groupSize,
    sampling: samplingFromProto(proto.sampling, `${field}.sampling`),
    limits: limitsFromProto(proto.limits, `${field}.limits`),
    ...(proto.seed === undefined ? {} : { seed: numberFromInt64(proto.seed, `${field}.seed`) }),
  };
}

/** Limits of a rollout; an absent message, like an absent field, leaves them to the environment. */
export function limitsFromProto(
  proto: AssignmentProto['limits'],
  field: string,
): Assignment['limits'] {
  const maxTurns = proto?.maxTurns;
  const timeout = proto?.timeout;
  if (maxTurns !== undefined && maxTurns < 1) {
    throw invalidInput(`${field}.max_turns`, `is ${maxTurns}; it must be at least 1.`);
  }
  const timeoutMs = timeout === undefined ? undefined : msFromDuration(timeout);
  if (timeoutMs !== undefined && !(timeoutMs > 0)) {
    throw invalidInput(`${field}.timeout`, `is ${timeoutMs} ms; it must be more than 0.`);
  }
  if (timeoutMs !== undefined && timeoutMs > MAX_TIMEOUT_MS) {
    throw invalidInput(`${field}.timeout`, `is ${timeoutMs} ms; at most 24 days are possible.`);
  }
  return {
    ...(maxTurns === undefined ? {} : { maxTurns }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  };
}

function taskSourceFromProto(proto: AssignmentProto, field: string): Assignment['task'] {
  const source = proto.taskSource;
  if (source.case === 'task') {
    return { kind: 'given', task: taskFromProto(source.value, `${field}.task`) };
  }
  if (source.case === 'taskKey' && source.value !== '') return { kind: 'key', key: source.value };
  throw invalidInput(`${field}.task_key`, 'is empty; give a task_key or a whole task.');
}
