import { type DescMessage, fromBinary, type MessageShape, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MessageSchema } from '../../../gen/lachesis/v1/content_pb.ts';
import { ErrorDetailSchema } from '../../../gen/lachesis/v1/error_pb.ts';
import { RolloutEventSchema, RolloutSchema } from '../../../gen/lachesis/v1/rollout_pb.ts';
import {
  DeadLetterSchema,
  RunSchema,
  RunStatusSchema,
} from '../../../gen/lachesis/v1/run_service_pb.ts';
import { AssignmentSchema, TaskSchema } from '../../../gen/lachesis/v1/task_pb.ts';
import { RowSchema, SegmentSchema } from '../../../gen/lachesis/v1/tokens_pb.ts';
import { LeasedAssignmentSchema } from '../../../gen/lachesis/v1/work_service_pb.ts';
import {
  assignmentFromProto,
  assignmentToProto,
  canonicalJson,
  deadLetterFromProto,
  deadLetterToProto,
  durationFromMs,
  errorDetailToProto,
  errorFromDetail,
  leasedOrderFromProto,
  leasedOrderToProto,
  messageFromProto,
  messageToProto,
  msFromDuration,
  type RolloutProgress,
  rolloutFromProto,
  rolloutProgressFromProto,
  rolloutToProto,
  rowFromProto,
  rowToProto,
  runFromProto,
  runStatusFromProto,
  runStatusToProto,
  runToProto,
  segmentFromProto,
  segmentToProto,
  sendableEvent,
  taskContentHash,
  taskFromProto,
  taskToProto,
} from '../../../src/contract/index.ts';
import { LachesisError } from '../../../src/errors.ts';
import * as arbitrary from './arbitraries.ts';
import { runStatus } from './run-status.ts';

type Told = Exclude<RolloutProgress, { kind: 'finished' }>;

/** Over the wire and back, by bytes, so that what protobuf itself loses is seen too. */
function overTheWire<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc>,
): MessageShape<Desc> {
  return fromBinary(schema, toBinary(schema, message));
}

function holds<Value>(values: fc.Arbitrary<Value>, trip: (value: Value) => Value): void {
  fc.assert(
    fc.property(values, (value) => {
      expect(trip(value)).toEqual(value);
    }),
  );
}

describe('round trips over the wire change nothing in', () => {
  it('messages', () =>
    holds(arbitrary.message, (m) =>
      messageFromProto(overTheWire(MessageSchema, messageToProto(m)), 'm'),
    ));
  it('segments', () =>
    holds(arbitrary.segment, (s) =>
      segmentFromProto(overTheWire(SegmentSchema, segmentToProto(s)), 's'),
    ));
  it('rows', () =>
    holds(arbitrary.row, (r) => rowFromProto(overTheWire(RowSchema, rowToProto(r)), 'r')));
  it('rollouts', () =>
    holds(arbitrary.rollout, (r) =>
      rolloutFromProto(overTheWire(RolloutSchema, rolloutToProto(r)), 'r'),
    ));
  it('beginnings and turns, as a worker tells of them', () =>
    holds(
      arbitrary.rollout.chain(({ id, groupId, taskKey, index, result }) =>
        fc.constantFrom<Told>(
          { kind: 'started', rolloutId: id, groupId, taskKey, index },
          ...result.turns.map((turn) => ({
            ...({ kind: 'turn', rolloutId: id, groupId, turn } as const),
            messages: result.messages,
          })),
        ),
      ),
      (event) => {
        const sent = sendableEvent(event, { sequence: 0, timeMs: 5, runId: 'run', attempt: 2 });
        return rolloutProgressFromProto(overTheWire(RolloutEventSchema, sent), 'e') as Told;
      },
    ));
  it('tasks', () =>
    holds(arbitrary.task, (t) => taskFromProto(overTheWire(TaskSchema, taskToProto(t)), 't')));
  it('assignments', () =>
    holds(arbitrary.assignment, (a) =>
      assignmentFromProto(overTheWire(AssignmentSchema, assignmentToProto(a))),
    ));
  it('runs and their settings', () =>
    holds(
      arbitrary.runSettings.map((settings) => ({
        id: 'run',
        settings,
        policyVersion: 3,
        step: 2,
        closed: false,
        openTimeMs: 5,
      })),
      (run) => runFromProto(overTheWire(RunSchema, runToProto(run))),
    ));
  it('the figures of a run', () =>
    holds(runStatus, (status) =>
      runStatusFromProto(overTheWire(RunStatusSchema, runStatusToProto(status))),
    ));
  it('leased orders, with their run', () =>
    holds(arbitrary.leasedOrder, (lease) =>
      leasedOrderFromProto(overTheWire(LeasedAssignmentSchema, leasedOrderToProto(lease))),
    ));
  it('dead letters', () =>
    holds(arbitrary.deadLetter, (letter) =>
      deadLetterFromProto(overTheWire(DeadLetterSchema, deadLetterToProto(letter))),
    ));
  it('durations, to the microsecond', () =>
    holds(fc.nat(1e9), (micros) =>
      Math.round(msFromDuration(durationFromMs(micros / 1000)) * 1000),
    ));
});

describe('errors', () => {
  it('keep kind, reason, remedy, field, metadata and pause', () => {
    const error = new LachesisError('resource_exhausted', 'Full.', {
      reason: 'QUEUE_FULL',
      remedy: 'Wait.',
      field: 'group',
      metadata: { waiting: '3' },
      retryAfterMs: 250,
    });
    const detail = overTheWire(ErrorDetailSchema, errorDetailToProto(error));
    const back = errorFromDetail(detail, error.message);
    expect(back).toMatchObject({
      kind: 'resource_exhausted',
      message: 'Full. Wait.',
      reason: 'QUEUE_FULL',
      remedy: 'Wait.',
      field: 'group',
      metadata: { waiting: '3' },
      retryAfterMs: 250,
    });
  });

  it('of a foreign kind are internal', () => {
    expect(errorFromDetail(errorDetailToProto(new TypeError('x')), 'x').kind).toBe('internal');
  });
});

describe('task content hash', () => {
  it('does not depend on the order of keys', () => {
    expect(taskContentHash({ b: 1, a: [{ d: 1, c: 2 }] })).toBe(
      taskContentHash({ a: [{ c: 2, d: 1 }], b: 1 }),
    );
    expect(canonicalJson({ b: 1, a: 'ü', c: [null, true, 1e21] })).toBe(
      '{"a":"ü","b":1,"c":[null,true,1e+21]}',
    );
  });

  it('is parsed back to the same value', () => {
    fc.assert(
      fc.property(arbitrary.json, (value) => {
        expect(JSON.parse(canonicalJson(value))).toEqual(value);
      }),
    );
  });

  it('refuses data that the hash is not of', () => {
    const proto = { ...taskToProto({ key: 'a', split: '', data: 1 }), dataJson: '2' };
    expect(() => taskFromProto(proto, 'task')).toThrow(/task\.content_sha256/);
  });
});

describe('what can not be is refused, by its field', () => {
  const good = assignmentToProto({
    id: 'a',
    runId: '',
    environment: 'e',
    task: { kind: 'key', key: '0' },
    groupSize: 1,
    sampling: {},
    limits: {},
  });
  it.each<[string, object]>([
    ['assignment.id', { id: '' }],
    ['assignment.id', { id: 'a b' }],
    ['assignment.environment', { environment: '' }],
    ['assignment.group_size', { groupSize: 0 }],
    ['assignment.task_key', { taskSource: { case: undefined } }],
    ['assignment.sampling.temperature', { sampling: { ...good.sampling, temperature: -1 } }],
    ['assignment.sampling.extra_json', { sampling: { ...good.sampling, extraJson: '[' } }],
    ['assignment.limits.max_turns', { limits: { ...good.limits, maxTurns: 0 } }],
    ['assignment.seed', { seed: 2n ** 60n }],
  ])('%s', (field, part) => {
    const read = () => assignmentFromProto({ ...good, ...part } as typeof good);
    expect(read).toThrow(expect.objectContaining({ kind: 'invalid_input', field }));
  });

  it('an enum number that this version does not know', () => {
    const proto = segmentToProto({
      id: '0',
      parent: undefined,
      reason: 'start',
      reasonDetail: '',
      agent: '',
      tokenIds: Int32Array.of(1),
      logprobs: undefined,
      spans: [{ length: 1, origin: 'prompt', loss: 'not_sampled' }],
      policyVersions: [],
      rendering: { tokenizerSha256: '', templateSha256: '' },
      columns: [],
    });
    (proto.spans[0] as { origin: number }).origin = 99;
    expect(() => segmentFromProto(proto, 'segment')).toThrow(/segment\.spans\[0\]\.origin: is 99/);
  });
});
