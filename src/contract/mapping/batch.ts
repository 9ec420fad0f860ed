import { create } from '@bufbuild/protobuf';
import {
  type BatchManifest,
  BatchManifestSchema,
  type BatchRow as BatchRowProto,
  type ManifestRest,
  ManifestRestSchema,
} from '../../../gen/lachesis/v1/batch_service_pb.ts';
import type { GroupHeader } from '../../../gen/lachesis/v1/group_pb.ts';
import type { Batch, BatchRow } from '../../broker/index.ts';
import { durationFromMs } from './scalars.ts';

/** A group's header, and its length in bytes. */
export interface SizedHeader {
  readonly header: GroupHeader;
  readonly bytes: number;
}

/** A manifest that is whole, or goes on in `rest`. */
export interface ManifestFrames {
  readonly manifest: BatchManifest;
  readonly rest: readonly ManifestRest[];
}

/** More than the fields of a manifest take beside its groups and rows. */
const FIXED_BYTES = 1_024;

/**
 * The manifest of a batch: its groups' headers, in order, and where its rows are. What does not fit
 * `maxBytes` is in more frames of at most as much; one header that is larger has a frame of its own.
 */
export function batchManifestToProto(
  batch: Omit<Batch, 'groups'>,
  headers: readonly SizedHeader[],
  maxBytes: number,
): ManifestFrames {
  const first = create(BatchManifestSchema, {
    batchId: batch.id,
    step: BigInt(batch.step),
    policyVersion: BigInt(batch.policyVersion),
    delivery: batch.delivery,
    leaseDuration: durationFromMs(batch.leaseMs),
    digest: batch.digest,
  });
  const rest: ManifestRest[] = [];
  let frame: BatchManifest | ManifestRest = first;
  let room = maxBytes - FIXED_BYTES;
  const frameFor = (bytes: number): BatchManifest | ManifestRest => {
    if (bytes > room && frame.groups.length + frame.rows.length > 0) {
      frame = create(ManifestRestSchema);
      rest.push(frame);
      room = maxBytes;
    }
    room -= bytes;
    return frame;
  };
  for (const { header, bytes } of headers) {
    frameFor(1 + varintBytes(bytes) + bytes).groups.push(header);
  }
  for (const row of batch.rows) {
    const bytes = rowBytes(row);
    const { groupIndex, partIndex, rank } = row;
    // Not by `create`, which shows for tens of thousands of them.
    const proto: BatchRowProto = {
      $typeName: 'lachesis.v1.BatchRow',
      ...{ groupIndex, partIndex, rank },
    };
    frameFor(bytes).rows.push(proto);
  }
  return { manifest: first, rest };
}

/** The rows of a manifest, as plain numbers. */
export function batchRowsFromProto(manifest: Pick<BatchManifest, 'rows'>): BatchRow[] {
  return manifest.rows.map(({ groupIndex, partIndex, rank }) => ({ groupIndex, partIndex, rank }));
}

/** What a row takes in its manifest: a tag, a length, and a tag and a number for what is not 0. */
function rowBytes({ groupIndex, partIndex, rank }: BatchRow): number {
  return 2 + fieldBytes(groupIndex) + fieldBytes(partIndex) + fieldBytes(rank);
}

function fieldBytes(value: number): number {
  return value === 0 ? 0 : 1 + varintBytes(value);
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) bytes += 1;
  return bytes;
}
