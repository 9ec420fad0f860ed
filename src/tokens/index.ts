export {
  type AlteredAnswer,
  type CallUse,
  FIRST_CALL,
  isActPurpose,
  type JudgedCall,
} from './call-use.ts';
export {
  addLedgers,
  BUCKETS,
  type Bucket,
  bucketOf,
  emptyLedger,
  type Ledger,
  ledgerBalance,
  ledgerOfSpans,
  sumLedgers,
} from './ledger.ts';
export type { OverLength } from './over-length.ts';
export type {
  Column,
  ColumnType,
  LossState,
  RenderingFingerprint,
  Row,
  Segment,
  SegmentReason,
  Span,
  SpanOrigin,
  TokenSequence,
  VersionRun,
} from './segment.ts';
export { type SampledRun, SegmentBuilder, type SegmentBuilderOptions } from './segment-builder.ts';
export { type Settled, type SettleOptions, settle } from './settle.ts';
export {
  sampledLength,
  sliceRuns,
  spansLength,
  trainedLength,
} from './spans.ts';
export type { TrainingPolicy } from './training-policy.ts';
export { validateSequence } from './validate.ts';
