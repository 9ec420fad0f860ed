import { create } from '@bufbuild/protobuf';
import {
  ColumnSchema,
  RenderingFingerprintSchema,
  type RenderingFingerprint as RenderingProto,
  type Row as RowProto,
  RowSchema,
  type Segment as SegmentProto,
  SegmentSchema,
  SpanSchema,
  VersionRunSchema,
} from '../../../gen/lachesis/v1/tokens_pb.ts';
import type {
  Column,
  RenderingFingerprint,
  Row,
  Segment,
  Span,
  TokenSequence,
  VersionRun,
} from '../../tokens/index.ts';
import { decodeFloat32, decodeInt32, encodeFloat32, encodeInt32 } from '../../wire/index.ts';
import { countFromInt32, countFromInt64 } from './scalars.ts';
import { columnAxes, columnTypes, lossStates, segmentReasons, spanOrigins } from './token-enums.ts';

type SequenceProto = Pick<
  RowProto,
  'tokenIds' | 'logprobs' | 'spans' | 'policyVersions' | 'columns'
>;

export const NO_RENDERING: RenderingFingerprint = Object.freeze({
  tokenizerSha256: '',
  templateSha256: '',
});

export function rowToProto(row: Row): RowProto {
  return create(RowSchema, {
    id: row.id,
    rolloutId: row.rolloutId,
    segmentId: row.segmentId,
    agent: row.agent,
    segmentOffset: row.segmentOffset ?? 0,
    ...sequenceToProto(row),
  });
}

/** Throws for a column of odd length and unknown enums; the rest is `validateSequence`'s. */
export function rowFromProto(proto: RowProto, field: string): Row {
  return {
    id: proto.id,
    rolloutId: proto.rolloutId,
    segmentId: proto.segmentId,
    agent: proto.agent,
    ...(proto.segmentOffset !== 0 && {
      segmentOffset: countFromInt32(proto.segmentOffset, `${field}.segment_offset`),
    }),
    ...sequenceFromProto(proto, field),
  };
}

export function segmentToProto(segment: Segment): SegmentProto {
  return create(SegmentSchema, {
    id: segment.id,
    parentId: segment.parent?.id ?? '',
    parentLength: segment.parent?.sharedTokens ?? 0,
    reason: segmentReasons.toProto(segment.reason),
    reasonDetail: segment.reasonDetail,
    agent: segment.agent,
    rendering: renderingToProto(segment.rendering),
    ...sequenceToProto(segment),
  });
}

export function segmentFromProto(proto: SegmentProto, field: string): Segment {
  return {
    id: proto.id,
    parent:
      proto.parentId === '' ? undefined : { id: proto.parentId, sharedTokens: proto.parentLength },
    reason: segmentReasons.fromProto(proto.reason, `${field}.reason`),
    reasonDetail: proto.reasonDetail,
    agent: proto.agent,
    rendering: renderingFromProto(proto.rendering),
    ...sequenceFromProto(proto, field),
  };
}

export function renderingToProto(rendering: RenderingFingerprint): RenderingProto {
  return create(RenderingFingerprintSchema, {
    tokenizerSha256: rendering.tokenizerSha256,
    templateSha256: rendering.templateSha256,
  });
}

export function renderingFromProto(proto: RenderingProto | undefined): RenderingFingerprint {
  return proto === undefined
    ? NO_RENDERING
    : { tokenizerSha256: proto.tokenizerSha256, templateSha256: proto.templateSha256 };
}

function sequenceToProto(sequence: TokenSequence): SequenceProto {
  return {
    tokenIds: encodeInt32(sequence.tokenIds),
    logprobs:
      sequence.logprobs === undefined ? new Uint8Array(0) : encodeFloat32(sequence.logprobs),
    spans: sequence.spans.map((span) =>
      create(SpanSchema, {
        length: span.length,
        origin: spanOrigins.toProto(span.origin),
        loss: lossStates.toProto(span.loss),
        messageIndex: span.messageIndex,
        callIndex: span.callIndex,
      }),
    ),
    policyVersions: sequence.policyVersions.map((run) =>
      create(VersionRunSchema, {
        length: run.length,
        announcedVersion: BigInt(run.announcedVersion),
        reportedVersion:
          run.reportedVersion === undefined ? undefined : BigInt(run.reportedVersion),
      }),
    ),
    columns: sequence.columns.map((column) =>
      create(ColumnSchema, {
        name: column.name,
        type: columnTypes.toProto(column.type),
        axis: columnAxes.toProto(column.axis),
        entryShape: [...column.entryShape],
        data: column.data,
      }),
    ),
  };
}

function sequenceFromProto(proto: SequenceProto, field: string): TokenSequence {
  return {
    tokenIds: decodeInt32(proto.tokenIds, `${field}.token_ids`),
    logprobs:
      proto.logprobs.length === 0 ? undefined : decodeFloat32(proto.logprobs, `${field}.logprobs`),
    spans: proto.spans.map((span, i): Span => {
      const path = `${field}.spans[${i}]`;
      return {
        length: span.length,
        origin: spanOrigins.fromProto(span.origin, `${path}.origin`),
        loss: lossStates.fromProto(span.loss, `${path}.loss`),
        ...(span.messageIndex === undefined ? {} : { messageIndex: span.messageIndex }),
        ...(span.callIndex === undefined ? {} : { callIndex: span.callIndex }),
      };
    }),
    policyVersions: proto.policyVersions.map((run, i): VersionRun => {
      const path = `${field}.policy_versions[${i}]`;
      return {
        length: run.length,
        announcedVersion: countFromInt64(run.announcedVersion, `${path}.announced_version`),
        ...(run.reportedVersion === undefined
          ? {}
          : { reportedVersion: countFromInt64(run.reportedVersion, `${path}.reported_version`) }),
      };
    }),
    columns: proto.columns.map(
      (column, i): Column => ({
        name: column.name,
        type: columnTypes.fromProto(column.type, `${field}.columns[${i}].type`),
        axis: columnAxes.fromProto(column.axis, `${field}.columns[${i}].axis`),
        entryShape: column.entryShape,
        data: column.data,
      }),
    ),
  };
}
