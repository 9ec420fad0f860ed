import type { BatchManifest } from '../../gen/lachesis/v1/batch_service_pb.ts';
import { LachesisError } from '../errors.ts';
import { sameDigest } from '../wire/index.ts';

/** Holds a batch that is pulled again to what began to come before. */
export class SameBatch {
  readonly #digests = new Map<string, Uint8Array>();

  /** Throws `internal` for another batch under an id that was seen. */
  assert({ batchId, digest }: BatchManifest): void {
    const before = this.#digests.get(batchId);
    this.#digests.set(batchId, digest);
    if (before === undefined || sameDigest(before, digest)) return;
    throw new LachesisError('internal', `${batchId} came again as another batch.`, {
      reason: 'BATCH_CHANGED',
      remedy: "Check that the server's store is the one it had before: `lachesis store fsck`.",
    });
  }
}
