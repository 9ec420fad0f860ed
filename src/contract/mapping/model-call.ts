import { create } from '@bufbuild/protobuf';
import {
  type ModelCall as ModelCallProto,
  ModelCallSchema,
} from '../../../gen/lachesis/v1/rollout_pb.ts';
import type { ModelCall } from '../../models/index.ts';
import { countFromInt32, countFromInt64 } from './scalars.ts';

export function modelCallToProto({ announcedVersion, ...call }: ModelCall): ModelCallProto {
  return create(ModelCallSchema, { ...call, announcedVersion: BigInt(announcedVersion) });
}

export function modelCallFromProto(proto: ModelCallProto, field: string): ModelCall {
  const { callId, parentCallId, agent, purpose, finishReason, failed } = proto;
  return {
    ...{ callId, parentCallId, agent, purpose, finishReason, failed },
    index: countFromInt32(proto.index, `${field}.index`),
    announcedVersion: countFromInt64(proto.announcedVersion, `${field}.announced_version`),
    sampledTokens: countFromInt32(proto.sampledTokens, `${field}.sampled_tokens`),
  };
}
