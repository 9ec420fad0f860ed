import { createHash } from 'node:crypto';

/** SHA-256 over the parts' bytes as sent, in order. */
export function partsDigest(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}
