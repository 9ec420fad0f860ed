import { createHash } from 'node:crypto';

/**
 * A batch's digest: SHA-256 over each group's digest, in order, then each row's group index and
 * part index as little-endian 32-bit integers, in order. Ranks are left out, so all consumers of a
 * batch see the same digest however many ranks they have.
 */
export function batchDigest(
  groupDigests: readonly Uint8Array[],
  rows: readonly { readonly groupIndex: number; readonly partIndex: number }[],
): Uint8Array {
  const hash = createHash('sha256');
  for (const digest of groupDigests) hash.update(digest);
  const positions = new DataView(new ArrayBuffer(rows.length * 8));
  rows.forEach((row, index) => {
    positions.setUint32(index * 8, row.groupIndex, true);
    positions.setUint32(index * 8 + 4, row.partIndex, true);
  });
  return new Uint8Array(hash.update(positions).digest());
}
