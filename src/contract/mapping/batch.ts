import { create } from '@bufbuild/protobuf';
import {
  type BatchManifest,
  BatchManifestSchema,
  BatchRowSchema,
} from '../../../gen/lachesis/v1/batch_service_pb.ts';
import type { GroupHeader } from '../../../gen/lachesis/v1/group_pb.ts';
import type { Batch, BatchRow } from '../../broker/index.ts';
import { durationFromMs } from './scalars.ts';

/** The manifest of a batch: its groups' headers, in order, and where its rows are. */
export function batchManifestToProto(batch: Batch, headers: readonly GroupHeader[]): BatchManifest {
  return create(BatchManifestSchema, {
    batchId: batch.id,
    step: BigInt(batch.step),
    policyVersion: BigInt(batch.policyVersion),
    groups: [...headers],
    rows: batch.rows.map((row) => create(BatchRowSchema, row)),
    delivery: batch.delivery,
    leaseDuration: durationFromMs(batch.leaseMs),
    digest: batch.digest,
  });
}

/** The rows of a manifest, as plain numbers. */
export function batchRowsFromProto(manifest: BatchManifest): BatchRow[] {
  return manifest.rows.map(({ groupIndex, partIndex, rank }) => ({ groupIndex, partIndex, rank }));
}
