/** Bytes that differ by seed, so that one payload is never taken for another. */
export function bytesOf(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = (seed | 0) + 0x9e3779b9;
  for (let at = 0; at < length; at += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}

/** What stands under a key in the kill test: whoever knows the key knows the bytes. */
export function payloadOf(key: string): Uint8Array {
  let hash = 7;
  for (const character of key) hash = (Math.imul(hash, 31) + character.charCodeAt(0)) | 0;
  return bytesOf((hash >>> 0) % 60_000, hash);
}
