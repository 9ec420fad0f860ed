import { TrainingPolicy as TrainingPolicyProto } from '../../../gen/lachesis/v1/group_pb.ts';
import {
  Codec,
  ColumnAxis,
  ColumnType as ColumnTypeProto,
  LossState as LossStateProto,
  SegmentReason as SegmentReasonProto,
  SpanOrigin as SpanOriginProto,
} from '../../../gen/lachesis/v1/tokens_pb.ts';
import type {
  Column,
  ColumnType,
  LossState,
  SegmentReason,
  SpanOrigin,
  TrainingPolicy,
} from '../../tokens/index.ts';
import type { PayloadCodec } from '../../wire/index.ts';
import { enumTable } from './enum-table.ts';

export const spanOrigins = enumTable<SpanOrigin, SpanOriginProto>('span origin', {
  prompt: SpanOriginProto.PROMPT,
  tool: SpanOriginProto.TOOL,
  template: SpanOriginProto.TEMPLATE,
  sampled: SpanOriginProto.SAMPLED,
  foreign: SpanOriginProto.FOREIGN,
});

export const lossStates = enumTable<LossState, LossStateProto>('loss state', {
  not_sampled: LossStateProto.NOT_SAMPLED,
  trained: LossStateProto.TRAINED,
  context_only: LossStateProto.CONTEXT_ONLY,
  abandoned_retry: LossStateProto.ABANDONED_RETRY,
  realigned_drift: LossStateProto.REALIGNED_DRIFT,
  dropped_branch: LossStateProto.DROPPED_BRANCH,
  over_length: LossStateProto.OVER_LENGTH,
  masked_by_failure: LossStateProto.MASKED_BY_FAILURE,
  not_for_training: LossStateProto.NOT_FOR_TRAINING,
});

export const segmentReasons = enumTable<SegmentReason, SegmentReasonProto>('segment reason', {
  start: SegmentReasonProto.START,
  history_rewritten: SegmentReasonProto.HISTORY_REWRITTEN,
  branch: SegmentReasonProto.BRANCH,
  template: SegmentReasonProto.TEMPLATE,
  sub_agent: SegmentReasonProto.SUB_AGENT,
});

export const columnTypes = enumTable<ColumnType, ColumnTypeProto>('column type', {
  int32: ColumnTypeProto.INT32,
  float32: ColumnTypeProto.FLOAT32,
  uint8: ColumnTypeProto.UINT8,
  float16: ColumnTypeProto.FLOAT16,
  bfloat16: ColumnTypeProto.BFLOAT16,
});

export const columnAxes = enumTable<Column['axis'], ColumnAxis>('column axis', {
  all_tokens: ColumnAxis.ALL_TOKENS,
  sampled_tokens: ColumnAxis.SAMPLED_TOKENS,
});

const trainingPolicies = enumTable<TrainingPolicy, TrainingPolicyProto>('training policy', {
  strict: TrainingPolicyProto.STRICT,
  realign: TrainingPolicyProto.REALIGN,
  fork: TrainingPolicyProto.FORK,
  mask: TrainingPolicyProto.MASK,
});

export function trainingPolicyToProto(policy: TrainingPolicy): TrainingPolicyProto {
  return trainingPolicies.toProto(policy);
}

/** UNSPECIFIED is `strict`. */
export function trainingPolicyFromProto(value: number, field: string): TrainingPolicy {
  return value === TrainingPolicyProto.UNSPECIFIED
    ? 'strict'
    : trainingPolicies.fromProto(value, field);
}

const codecs = enumTable<PayloadCodec, Codec>('codec', { raw: Codec.RAW, zstd: Codec.ZSTD });

export function codecToProto(codec: PayloadCodec): Codec {
  return codecs.toProto(codec);
}

/** UNSPECIFIED is `raw`. */
export function codecFromProto(value: number, field: string): PayloadCodec {
  return value === Codec.UNSPECIFIED ? 'raw' : codecs.fromProto(value, field);
}
