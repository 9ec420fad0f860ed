/** Where the tokens of a span came from; only `sampled` ones can be trained. */
export type SpanOrigin = 'prompt' | 'tool' | 'template' | 'sampled' | 'foreign';

/** What a trainer does with a span: `not_sampled`, or the bucket of the ledger that it counts in. */
export type LossState =
  | 'not_sampled'
  | 'trained'
  | 'context_only'
  | 'abandoned_retry'
  | 'realigned_drift'
  | 'dropped_branch'
  | 'over_length'
  | 'masked_by_failure'
  | 'not_for_training';

/** A run of tokens with one origin and one loss state. */
export interface Span {
  /** At least 1. */
  readonly length: number;
  readonly origin: SpanOrigin;
  readonly loss: LossState;
  /** The transcript message that the tokens belong to. */
  readonly messageIndex?: number;
  /** The model call (0-based, in call order) that sampled them. */
  readonly callIndex?: number;
}

/** A run of sampled tokens under one policy version. */
export interface VersionRun {
  /** At least 1. */
  readonly length: number;
  /** What the trainer had announced when they were sampled. */
  readonly announcedVersion: number;
  /** What the engine itself reported; absent when it reports none. */
  readonly reportedVersion?: number;
}

export type SegmentReason = 'start' | 'history_rewritten' | 'branch' | 'template' | 'sub_agent';

/** What turned messages into ids; hex SHA-256, empty when unknown. */
export interface RenderingFingerprint {
  readonly tokenizerSha256: string;
  readonly templateSha256: string;
}

export type ColumnType = 'int32' | 'float32' | 'uint8' | 'float16' | 'bfloat16';

/** An optional dense column beside the token ids; `data` is row-major, little-endian. */
export interface Column {
  readonly name: string;
  readonly type: ColumnType;
  readonly axis: 'all_tokens' | 'sampled_tokens';
  /** Shape of one token's entry; empty for a scalar. */
  readonly entryShape: readonly number[];
  readonly data: Uint8Array;
}

/** The columns that a segment and a row have in common. */
export interface TokenSequence {
  /** Every token, in order, exactly as the model saw and produced them. */
  readonly tokenIds: Int32Array;
  /** One per sampled token in order, or undefined: then no token here has a logprob. */
  readonly logprobs: Float32Array | undefined;
  /** Tiles the tokens. */
  readonly spans: readonly Span[];
  /** Tiles the sampled tokens. */
  readonly policyVersions: readonly VersionRun[];
  readonly columns: readonly Column[];
}

/** An append-only token sequence. A rewritten history starts a new one, with its reason and parent. */
export interface Segment extends TokenSequence {
  /** Unique in its rollout. */
  readonly id: string;
  readonly parent: { readonly id: string; readonly sharedTokens: number } | undefined;
  readonly reason: SegmentReason;
  readonly reasonDetail: string;
  /** Empty in a single-agent rollout. */
  readonly agent: string;
  readonly rendering: RenderingFingerprint;
}

/** One trainable sequence: a segment after the run's training policy, or a part of a long one. */
export interface Row extends TokenSequence {
  /** `<rollout id>/<segment id>`, and `/<segment offset>` where there is one. */
  readonly id: string;
  readonly rolloutId: string;
  readonly segmentId: string;
  /** Where in its segment it begins; absent for the start. */
  readonly segmentOffset?: number;
  readonly agent: string;
}
