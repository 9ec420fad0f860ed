import { create, toBinary } from '@bufbuild/protobuf';
import {
  type GroupHeader,
  GroupHeaderSchema,
  type GroupPart,
  GroupPartKind,
  GroupPartSchema,
  type RolloutSummary,
  RolloutSummarySchema,
} from '../../../gen/lachesis/v1/group_pb.ts';
import { RolloutSchema } from '../../../gen/lachesis/v1/rollout_pb.ts';
import { RowSchema } from '../../../gen/lachesis/v1/tokens_pb.ts';
import { type Row, type Segment, sampledLength, trainedLength } from '../../tokens/index.ts';
import { encodePayload, type PayloadCodec } from '../../wire/index.ts';
import { stopReasons, toolCallMetricsToProto } from '../mapping/agent-result.ts';
import { ledgerToProto } from '../mapping/ledger.ts';
import { turnRewardsToProto } from '../mapping/outcome.ts';
import { provenanceToProto } from '../mapping/provenance.ts';
import { rolloutToProto } from '../mapping/rollout.ts';
import { timestampFromMs } from '../mapping/scalars.ts';
import { codecToProto, trainingPolicyToProto } from '../mapping/token-enums.ts';
import { rowToProto } from '../mapping/tokens.ts';
import type { Group } from '../rollout.ts';
import { groupDigest, partDigest } from './digest.ts';
import {
  type DroppedRollout,
  type GroupPolicy,
  ledgerOfRollouts,
  type SettledGroup,
  type SettledRollout,
  settleGroup,
} from './settle-group.ts';

/** A group as it is submitted: one header, and parts that nobody encodes again. */
export interface EncodedGroup {
  readonly header: GroupHeader;
  /** The header, serialized. */
  readonly headerBytes: Uint8Array;
  /** In the header's order: all rows, then each rollout's transcript. */
  readonly parts: readonly Uint8Array[];
  readonly digest: Uint8Array;
}

export type GroupEncoding =
  | {
      readonly kind: 'kept';
      readonly encoded: EncodedGroup;
      readonly dropped: readonly DroppedRollout[];
    }
  | Extract<SettledGroup, { kind: 'dropped' }>;

/** Settles a played group under its run's policies and encodes what is left; see {@link settleGroup}. */
export function encodeGroup(
  group: Group,
  options: { readonly policy: GroupPolicy; readonly codec?: PayloadCodec },
): GroupEncoding {
  const settled = settleGroup(group, options.policy);
  if (settled.kind === 'dropped') return settled;
  const encoded = encodeSettled(settled.group, settled.rollouts, options.codec ?? 'raw');
  return { kind: 'kept', encoded, dropped: settled.dropped };
}

/** Encodes a group whose rollouts are settled. Token columns go into rows; the transcripts keep the rest. */
export function encodeSettled(
  group: Group,
  rollouts: readonly SettledRollout[],
  codec: PayloadCodec,
): EncodedGroup {
  const parts: Uint8Array[] = [];
  const descriptions: GroupPart[] = [];
  const add = (kind: GroupPartKind, rolloutIndex: number, bytes: Uint8Array, row?: Row): void => {
    const part = encodePayload(codec, bytes);
    parts.push(part);
    descriptions.push(
      create(GroupPartSchema, {
        kind,
        encodedSize: BigInt(part.length),
        codec: codecToProto(codec),
        rolloutIndex,
        digest: partDigest(part),
        ...(row === undefined
          ? {}
          : {
              tokens: row.tokenIds.length,
              sampledTokens: sampledLength(row.spans),
              trainedTokens: trainedLength(row.spans),
            }),
      }),
    );
  };
  // Rows first and together: a batch without transcripts is then one run of bytes per group.
  rollouts.forEach(({ rows }, rolloutIndex) => {
    for (const row of rows) {
      add(GroupPartKind.ROW, rolloutIndex, toBinary(RowSchema, rowToProto(row)), row);
    }
  });
  rollouts.forEach(({ rollout, rows }, rolloutIndex) => {
    const segments = withoutRowColumns(rollout.segments, rows);
    add(
      GroupPartKind.ROLLOUT,
      rolloutIndex,
      toBinary(RolloutSchema, rolloutToProto(rollout, segments)),
    );
  });
  const digest = groupDigest(descriptions);
  const header = create(GroupHeaderSchema, {
    groupId: group.id,
    runId: group.runId,
    environment: group.environment,
    taskKey: group.taskKey,
    rollouts: rollouts.map(summaryOf),
    parts: descriptions,
    oldestPolicyVersion: oldestVersion(rollouts),
    ledger: ledgerToProto(ledgerOfRollouts(rollouts)),
    digest,
    provenance: provenanceOf(group),
    trainingPolicy: trainingPolicyToProto(group.trainingPolicy),
    endTime: timestampFromMs(Math.max(0, ...group.rollouts.map(({ endTimeMs }) => endTimeMs))),
  });
  return { header, headerBytes: toBinary(GroupHeaderSchema, header), parts, digest };
}

function summaryOf({ rollout, masked }: SettledRollout): RolloutSummary {
  const { result, outcome } = rollout;
  return create(RolloutSummarySchema, {
    rolloutId: rollout.id,
    stopReason: stopReasons.toProto(result.stopReason),
    reward: outcome.kind === 'scored' ? outcome.reward : undefined,
    masked,
    ledger: ledgerToProto(rollout.ledger),
    toolCalls: toolCallMetricsToProto(result.toolCalls),
    turnsUsed: result.turnsUsed,
    turnRewards: turnRewardsToProto(outcome.kind === 'scored' ? outcome.turnRewards : []),
  });
}

/** A segment that is a whole row of the group leaves its columns to that row. */
function withoutRowColumns(segments: readonly Segment[], rows: readonly Row[]): Segment[] {
  const whole = new Map(rows.map((row) => [row.segmentId, row.tokenIds.length]));
  return segments.map((segment) =>
    whole.get(segment.id) === segment.tokenIds.length
      ? { ...segment, tokenIds: new Int32Array(0), logprobs: undefined, columns: [] }
      : segment,
  );
}

function oldestVersion(rollouts: readonly SettledRollout[]): bigint | undefined {
  let oldest: number | undefined;
  for (const { rows } of rollouts) {
    for (const { policyVersions } of rows) {
      for (const { announcedVersion } of policyVersions) {
        if (oldest === undefined || announcedVersion < oldest) oldest = announcedVersion;
      }
    }
  }
  return oldest === undefined ? undefined : BigInt(oldest);
}

function provenanceOf(group: Group) {
  const first = group.rollouts[0];
  return first === undefined ? undefined : provenanceToProto(first.provenance);
}
