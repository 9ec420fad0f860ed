import { create } from '@bufbuild/protobuf';
import {
  SamplingParametersSchema,
  type SamplingParameters as SamplingProto,
} from '../../../gen/lachesis/v1/content_pb.ts';
import { invalidInput } from '../../errors.ts';
import type { SamplingParameters } from '../../messages.ts';
import { int64FromNumber, jsonObjectFromText, numberFromInt64 } from './scalars.ts';

export function samplingToProto(sampling: SamplingParameters): SamplingProto {
  return create(SamplingParametersSchema, {
    temperature: sampling.temperature,
    topP: sampling.topP,
    topK: sampling.topK,
    maxTokens: sampling.maxTokens,
    stopTokenIds: [...(sampling.stopTokenIds ?? [])],
    stop: [...(sampling.stop ?? [])],
    seed: sampling.seed === undefined ? undefined : int64FromNumber(sampling.seed, 'sampling.seed'),
    extraJson: sampling.extra === undefined ? '' : JSON.stringify(sampling.extra),
  });
}

/** An absent message is "all left to the engine". Throws for values that no engine could take. */
export function samplingFromProto(
  proto: SamplingProto | undefined,
  field: string,
): SamplingParameters {
  if (proto === undefined) return {};
  check(proto.temperature, (t) => t >= 0, `${field}.temperature`, 'must be 0 or more');
  check(proto.topP, (p) => p > 0 && p <= 1, `${field}.top_p`, 'must be in (0, 1]');
  check(proto.topK, (k) => k >= 0, `${field}.top_k`, 'must be 0 (keep all) or more');
  check(proto.maxTokens, (n) => n >= 1, `${field}.max_tokens`, 'must be at least 1');
  return {
    ...(proto.temperature === undefined ? {} : { temperature: proto.temperature }),
    ...(proto.topP === undefined ? {} : { topP: proto.topP }),
    ...(proto.topK === undefined ? {} : { topK: proto.topK }),
    ...(proto.maxTokens === undefined ? {} : { maxTokens: proto.maxTokens }),
    ...(proto.stopTokenIds.length === 0 ? {} : { stopTokenIds: proto.stopTokenIds }),
    ...(proto.stop.length === 0 ? {} : { stop: proto.stop }),
    ...(proto.seed === undefined ? {} : { seed: numberFromInt64(proto.seed, `${field}.seed`) }),
    ...(proto.extraJson === ''
      ? {}
      : { extra: jsonObjectFromText(proto.extraJson, `${field}.extra_json`) }),
  };
}

function check(
  value: number | undefined,
  holds: (value: number) => boolean,
  field: string,
  rule: string,
): void {
  if (value === undefined || (Number.isFinite(value) && holds(value))) return;
  throw invalidInput(field, `is ${value}; it ${rule}.`, { reason: 'SAMPLING_OUT_OF_RANGE' });
}
