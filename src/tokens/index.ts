export type { Ledger } from './ledger.ts';
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
export type { TrainingPolicy } from './training-policy.ts';
