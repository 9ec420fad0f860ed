import { createHash } from 'node:crypto';
import { sha256 } from '../../wire/index.ts';

/** Enough against damage; nobody is kept from forging a digest together with its bytes. */
export const PART_DIGEST_BYTES = 16;

/** The first 16 bytes of the SHA-256 of a part's bytes as sent. */
export function partDigest(part: Uint8Array): Uint8Array<ArrayBuffer> {
  return sha256(part).slice(0, PART_DIGEST_BYTES);
}

/** A group's digest: SHA-256 over its parts' digests, so that a header can be checked without its parts. */
export function groupDigest(
  parts: readonly { readonly digest: Uint8Array }[],
): Uint8Array<ArrayBuffer> {
  const hash = createHash('sha256');
  for (const { digest } of parts) hash.update(digest);
  return new Uint8Array(hash.digest());
}
