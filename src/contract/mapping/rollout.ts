import { create } from '@bufbuild/protobuf';
import {
  type Rollout as RolloutProto,
  RolloutSchema,
} from '../../../gen/lachesis/v1/rollout_pb.ts';
import { invalidInput } from '../../errors.ts';
import type { Segment } from '../../tokens/index.ts';
import type { Rollout } from '../rollout.ts';
import { agentResultFromProto, agentResultToProto } from './agent-result.ts';
import { ledgerFromProto, ledgerToProto } from './ledger.ts';
import { messagesFromProto, messageToProto } from './messages.ts';
import { modelCallFromProto, modelCallToProto } from './model-call.ts';
import { outcomeFromProto, outcomeToProto } from './outcome.ts';
import { provenanceFromProto, provenanceToProto } from './provenance.ts';
import { msFromTimestamp, required, timestampFromMs } from './scalars.ts';
import { segmentFromProto, segmentToProto } from './tokens.ts';

/** A whole rollout as it travels; `segments` replaces its own where some columns are left out. */
export function rolloutToProto(
  rollout: Rollout,
  segments: readonly Segment[] = rollout.segments,
): RolloutProto {
  return create(RolloutSchema, {
    id: rollout.id,
    groupId: rollout.groupId,
    taskKey: rollout.taskKey,
    index: rollout.index,
    messages: rollout.result.messages.map(messageToProto),
    segments: segments.map(segmentToProto),
    result: agentResultToProto(rollout.result),
    outcome: outcomeToProto(rollout.outcome),
    ledger: ledgerToProto(rollout.ledger),
    provenance: provenanceToProto(rollout.provenance),
    startTime: timestampFromMs(rollout.startTimeMs),
    endTime: timestampFromMs(rollout.endTimeMs),
    metrics: { ...rollout.metrics },
    calls: rollout.calls.map(modelCallToProto),
  });
}

/** Throws for a rollout that has not ended, naming what is missing. */
export function rolloutFromProto(proto: RolloutProto, field: string): Rollout {
  const messages = messagesFromProto(proto.messages, `${field}.messages`);
  const result = required(proto.result, `${field}.result`);
  if (proto.outcome.case === undefined) {
    throw invalidInput(`${field}.outcome`, 'is missing; the rollout has not ended.', {
      reason: 'ROLLOUT_UNFINISHED',
    });
  }
  return {
    id: proto.id,
    groupId: proto.groupId,
    taskKey: proto.taskKey,
    index: proto.index,
    result: agentResultFromProto(result, messages, `${field}.result`),
    outcome: outcomeFromProto(proto.outcome, field),
    segments: proto.segments.map((segment, i) =>
      segmentFromProto(segment, `${field}.segments[${i}]`),
    ),
    ledger: ledgerFromProto(proto.ledger, `${field}.ledger`),
    provenance: provenanceFromProto(proto.provenance, `${field}.provenance`),
    startTimeMs: msFromTimestamp(proto.startTime),
    endTimeMs: msFromTimestamp(proto.endTime),
    metrics: { ...proto.metrics },
    calls: proto.calls.map((call, i) => modelCallFromProto(call, `${field}.calls[${i}]`)),
  };
}
