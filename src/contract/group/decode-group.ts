import { type DescMessage, fromBinary, type MessageShape } from '@bufbuild/protobuf';
import {
  type GroupHeader,
  GroupHeaderSchema,
  type GroupPart,
  GroupPartKind,
} from '../../../gen/lachesis/v1/group_pb.ts';
import { RolloutSchema } from '../../../gen/lachesis/v1/rollout_pb.ts';
import { RowSchema } from '../../../gen/lachesis/v1/tokens_pb.ts';
import { errorMessage, invalidInput } from '../../errors.ts';
import { type Row, type Segment, spansLength } from '../../tokens/index.ts';
import { decodePayload, WIRE_LIMITS } from '../../wire/index.ts';
import { rolloutFromProto } from '../mapping/rollout.ts';
import { codecFromProto, trainingPolicyFromProto } from '../mapping/token-enums.ts';
import { rowFromProto } from '../mapping/tokens.ts';
import type { Group, Rollout } from '../rollout.ts';

/** A row from the bytes of its part, decoded. Its columns are views of `bytes` where that is aligned. */
export function decodeRow(bytes: Uint8Array, field = 'row'): Row {
  return rowFromProto(parse(RowSchema, bytes, field), field);
}

/**
 * A rollout from the bytes of its part, decoded. With the group's rows, the segments that left their
 * columns to a row get them back; without, those segments have no tokens.
 */
export function decodeRollout(
  bytes: Uint8Array,
  rows: readonly Row[] = [],
  field = 'rollout',
): Rollout {
  const rollout = rolloutFromProto(parse(RolloutSchema, bytes, field), field);
  const bySegment = new Map(
    rows.filter((row) => row.rolloutId === rollout.id).map((row) => [row.segmentId, row]),
  );
  return {
    ...rollout,
    segments: rollout.segments.map((segment) => withRowColumns(segment, bySegment)),
  };
}

/** A part's bytes without its codec; refuses what would grow beyond the group limit. */
export function decodePart(part: GroupPart, bytes: Uint8Array, field: string): Uint8Array {
  const codec = codecFromProto(part.codec, `${field}.codec`);
  return decodePayload(codec, bytes, WIRE_LIMITS.maxGroupBytes, field);
}

/** A header from its bytes. */
export function decodeGroupHeader(bytes: Uint8Array, field = 'header'): GroupHeader {
  return parse(GroupHeaderSchema, bytes, field);
}

/** A whole group from its header and parts, with its rows in part order. */
export function decodeGroup(
  header: GroupHeader,
  parts: readonly Uint8Array[],
): { readonly group: Group; readonly rows: readonly Row[] } {
  const decoded = header.parts.map((part, i) => ({
    kind: part.kind,
    field: `parts[${i}]`,
    bytes: decodePart(part, partAt(parts, i), `parts[${i}]`),
  }));
  const rows = decoded
    .filter(({ kind }) => kind === GroupPartKind.ROW)
    .map(({ bytes, field }) => decodeRow(bytes, field));
  const rollouts = decoded
    .filter(({ kind }) => kind === GroupPartKind.ROLLOUT)
    .map(({ bytes, field }) => decodeRollout(bytes, rows, field));
  const group: Group = {
    id: header.groupId,
    runId: header.runId,
    environment: header.environment,
    taskKey: header.taskKey,
    rollouts,
    trainingPolicy: trainingPolicyFromProto(header.trainingPolicy, 'header.training_policy'),
  };
  return { group, rows };
}

function withRowColumns(segment: Segment, rows: ReadonlyMap<string, Row>): Segment {
  if (segment.tokenIds.length > 0) return segment;
  const row = rows.get(segment.id);
  if (row === undefined || row.tokenIds.length !== spansLength(segment.spans)) return segment;
  return { ...segment, tokenIds: row.tokenIds, logprobs: row.logprobs, columns: row.columns };
}

function partAt(parts: readonly Uint8Array[], index: number): Uint8Array {
  const bytes = parts[index];
  if (bytes !== undefined) return bytes;
  throw invalidInput(`parts[${index}]`, 'is missing; the header declares it.', {
    reason: 'GROUP_PART_MISSING',
  });
}

function parse<Desc extends DescMessage>(
  schema: Desc,
  bytes: Uint8Array,
  field: string,
): MessageShape<Desc> {
  // A plain view of a Buffer: its subarrays are columns, and a Buffer's own `slice` does not copy.
  const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    return fromBinary(schema, plain);
  } catch (error) {
    throw invalidInput(field, `is no ${schema.typeName}: ${errorMessage(error)}.`, {
      reason: 'NOT_A_MESSAGE',
      cause: error,
    });
  }
}
