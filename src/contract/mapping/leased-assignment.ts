import { create } from '@bufbuild/protobuf';
import {
  type DeadLetter as DeadLetterProto,
  DeadLetterSchema,
} from '../../../gen/lachesis/v1/run_service_pb.ts';
import {
  LeasedAssignmentSchema,
  type LeasedAssignment as LeasedProto,
} from '../../../gen/lachesis/v1/work_service_pb.ts';
import type { DeadLetter, RunState } from '../../broker/index.ts';
import { invalidInput } from '../../errors.ts';
import type { Assignment } from '../assignment.ts';
import { assignmentFromProto, assignmentToProto } from './assignment.ts';
import { runFromProto, runToProto } from './run.ts';
import {
  durationFromMs,
  msFromDuration,
  msFromTimestamp,
  positive,
  required,
  timestampFromMs,
} from './scalars.ts';

/** An order to play that a worker holds, and the run that it is for as it stood then. */
export interface LeasedOrder {
  readonly assignment: Assignment;
  readonly run: RunState;
  /** From 1. */
  readonly attempt: number;
  readonly leaseMs: number;
}

export function leasedOrderToProto(leased: LeasedOrder): LeasedProto {
  return create(LeasedAssignmentSchema, {
    assignment: assignmentToProto(leased.assignment),
    attempt: leased.attempt,
    leaseDuration: durationFromMs(leased.leaseMs),
    run: runToProto(leased.run),
  });
}

/** Throws an invalid_input that names the field for a lease that nobody could play. */
export function leasedOrderFromProto(proto: LeasedProto, field = 'lease'): LeasedOrder {
  const assignment = required(proto.assignment, `${field}.assignment`);
  return {
    assignment: assignmentFromProto(assignment, `${field}.assignment`),
    run: runFromProto(required(proto.run, `${field}.run`)),
    attempt: positive(proto.attempt, `${field}.attempt`),
    leaseMs: msFromDuration(required(proto.leaseDuration, `${field}.lease_duration`)),
  };
}

export function deadLetterToProto(letter: DeadLetter): DeadLetterProto {
  const { timeMs, ...fields } = letter;
  return create(DeadLetterSchema, { ...fields, time: timestampFromMs(timeMs) });
}

export function deadLetterFromProto(proto: DeadLetterProto, field = 'dead_letter'): DeadLetter {
  const { assignmentId, environment, reason, error, workerId, attempts, time } = proto;
  if (reason !== 'assignment_failed' && reason !== 'attempts_exhausted') {
    throw invalidInput(`${field}.reason`, `"${reason}" is none that this client knows.`);
  }
  const timeMs = msFromTimestamp(time);
  return { assignmentId, environment, reason, error, workerId, attempts, timeMs };
}
