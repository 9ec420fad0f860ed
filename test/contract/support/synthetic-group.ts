import { createHash } from 'node:crypto';
import { create, type JsonValue, toBinary, toJson } from '@bufbuild/protobuf';
import {
  GroupHeaderSchema,
  GroupPartKind,
  TrainingPolicy,
} from '../../../gen/lachesis/v1/group_pb.ts';
import { RolloutSchema, StopReason } from '../../../gen/lachesis/v1/rollout_pb.ts';
import {
  Codec,
  LossState,
  type Row,
  RowSchema,
  SegmentReason,
  SpanOrigin,
} from '../../../gen/lachesis/v1/tokens_pb.ts';
import { chunksOfParts, encodeFloat32, encodeInt32, WIRE_LIMITS } from '../../../src/wire/index.ts';

export interface SyntheticGroup {
  /** Frames of a submit stream, without the opening one, as proto JSON. */
  readonly frames: readonly JsonValue[];
  /** SHA-256 over all parts' bytes, base64. */
  readonly bytesDigest: string;
  /** The same over its rows' bytes only: what a batch without transcripts holds. */
  readonly rowsDigest: string;
  readonly bytes: number;
}

export interface SyntheticGroupOptions {
  readonly runId: string;
  readonly groupId: string;
  readonly rollouts?: number;
  /** Per rollout; 8 bytes each. */
  readonly sampledTokens?: number;
  /** Claim a digest that the bytes don't have. */
  readonly wrongDigest?: boolean;
}

/** A group that no environment played: one row per rollout, every sampled token trained. */
export function syntheticGroup(options: SyntheticGroupOptions): SyntheticGroup {
  const { runId, groupId, rollouts = 2, sampledTokens = 16 } = options;
  const ids = Array.from({ length: rollouts }, (_, index) => `${groupId}.${index}`);
  const parts = [
    ...ids.map((rolloutId) => rowBytes(rolloutId, sampledTokens)),
    ...ids.map((rolloutId, index) => rolloutBytes(rolloutId, sampledTokens, index)),
  ];
  const digests = parts.map((part) => createHash('sha256').update(part).digest().subarray(0, 16));
  const digest = createHash('sha256').update(Buffer.concat(digests)).digest();
  const sampled = BigInt(sampledTokens);
  const header = create(GroupHeaderSchema, {
    groupId,
    runId,
    environment: 'synthetic',
    taskKey: 'task',
    rollouts: ids.map((rolloutId, index) => ({
      rolloutId,
      stopReason: StopReason.NATURAL,
      reward: index,
      ledger: { sampled, trained: sampled },
      turnsUsed: 1,
    })),
    parts: parts.map((part, index) => ({
      kind: index < rollouts ? GroupPartKind.ROW : GroupPartKind.ROLLOUT,
      encodedSize: BigInt(part.length),
      codec: Codec.RAW,
      rolloutIndex: index % rollouts,
      ...(index < rollouts
        ? { tokens: sampledTokens + 1, sampledTokens, trainedTokens: sampledTokens }
        : {}),
      digest: digests[index] ?? new Uint8Array(),
    })),
    oldestPolicyVersion: 0n,
    ledger: { sampled: sampled * BigInt(rollouts), trained: sampled * BigInt(rollouts) },
    digest: options.wrongDigest ? new Uint8Array(32) : digest,
    trainingPolicy: TrainingPolicy.STRICT,
  });
  const chunks = [...chunksOfParts(parts, WIRE_LIMITS.maxChunkBytes)].map(
    ({ partIndex, offset, data }) => ({
      // Not by toJson, whose base64 is slow enough to show in the table's time.
      chunk: { partIndex, offset: String(offset), data: Buffer.from(data).toString('base64') },
    }),
  );
  return {
    frames: [{ header: toJson(GroupHeaderSchema, header) }, ...chunks, { end: {} }],
    bytesDigest: createHash('sha256').update(Buffer.concat(parts)).digest('base64'),
    rowsDigest: createHash('sha256')
      .update(Buffer.concat(parts.slice(0, rollouts)))
      .digest('base64'),
    bytes: parts.reduce((sum, part) => sum + part.length, 0),
  };
}

/** A `TrainingRow` as proto JSON, of 4 trained tokens. */
export function trainingRow(rolloutId: string): JsonValue {
  return { row: toJson(RowSchema, rowOf(rolloutId, 4, 64)), advantage: 0.5 };
}

function rowBytes(rolloutId: string, sampledTokens: number): Uint8Array {
  return toBinary(RowSchema, rowOf(rolloutId, sampledTokens, 32_000));
}

/** The transcript, whose one segment left its columns to the row. */
function rolloutBytes(rolloutId: string, sampledTokens: number, reward: number): Uint8Array {
  const { spans, policyVersions } = rowOf(rolloutId, sampledTokens, 32_000);
  const sampled = BigInt(sampledTokens);
  return toBinary(
    RolloutSchema,
    create(RolloutSchema, {
      id: rolloutId,
      taskKey: 'task',
      segments: [{ id: '0', reason: SegmentReason.START, spans, policyVersions }],
      result: { stopReason: StopReason.NATURAL, turnsUsed: 1 },
      outcome: { case: 'reward', value: { value: reward } },
      ledger: { sampled, trained: sampled },
    }),
  );
}

function rowOf(rolloutId: string, sampledTokens: number, vocabulary: number): Row {
  const tokenIds = Int32Array.from(
    { length: sampledTokens + 1 },
    (_, i) => (i * 7919) % vocabulary,
  );
  const logprobs = Float32Array.from({ length: sampledTokens }, (_, i) => -((i % 97) + 1) / 100);
  return create(RowSchema, {
    id: `${rolloutId}/0`,
    rolloutId,
    segmentId: '0',
    tokenIds: encodeInt32(tokenIds),
    logprobs: encodeFloat32(logprobs),
    spans: [
      { length: 1, origin: SpanOrigin.PROMPT, loss: LossState.NOT_SAMPLED },
      {
        length: sampledTokens,
        origin: SpanOrigin.SAMPLED,
        loss: LossState.TRAINED,
        callIndex: 0,
      },
    ],
    policyVersions: [{ length: sampledTokens, announcedVersion: 0n }],
  });
}
