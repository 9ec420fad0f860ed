import { create } from '@bufbuild/protobuf';
import {
  type ModelCall as ModelCallProto,
  ModelCallSchema,
} from '../../../gen/lachesis/v1/rollout_pb.ts';
import type { ModelCall } from '../../models/index.ts';
import { countFromInt32, countFromInt64 } from './scalars.ts';

export function modelCallToProto(call: ModelCall): ModelCallProto {
  const { announcedVersion, continues, passesOver, alters, ...rest } = call;
  return create(ModelCallSchema, {
    ...rest,
    announcedVersion: BigInt(announcedVersion),
    ...(continues >= 0 && { continues }),
    passesOver: [...passesOver],
    ...(alters !== undefined && { alters }),
  });
}

export function modelCallFromProto(proto: ModelCallProto, field: string): ModelCall {
  const { callId, parentCallId, agent, purpose, finishReason, failed } = proto;
  return {
    ...{ callId, parentCallId, agent, purpose, finishReason, failed },
    index: countFromInt32(proto.index, `${field}.index`),
    announcedVersion: countFromInt64(proto.announcedVersion, `${field}.announced_version`),
    sampledTokens: countFromInt32(proto.sampledTokens, `${field}.sampled_tokens`),
    continues: placeFrom(proto.continues, `${field}.continues`),
    passesOver: proto.passesOver.map((index, at) =>
      countFromInt32(index, `${field}.passes_over[${at}]`),
    ),
    alters: proto.alters && {
      callIndex: countFromInt32(proto.alters.callIndex, `${field}.alters.call_index`),
      commonTokens: countFromInt32(proto.alters.commonTokens, `${field}.alters.common_tokens`),
    },
  };
}

/** A call's place; absent is -1. */
function placeFrom(value: number | undefined, field: string): number {
  return value === undefined ? -1 : countFromInt32(value, field);
}
