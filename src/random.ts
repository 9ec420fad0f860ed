import { createHash, randomInt } from 'node:crypto';

/**
 * A source of numbers uniform in [0, 1), the same for the same words. The state is 128 bits of
 * SHA-256 over the words, so close seeds give unrelated streams; the generator is sfc32
 * (C. Doty-Humphrey, PractRand), with 32-bit outputs.
 */
export function seededRandom(...words: readonly (string | number)[]): () => number {
  const digest = createHash('sha256').update(JSON.stringify(words)).digest();
  let a = digest.readUInt32LE(0);
  let b = digest.readUInt32LE(4);
  let c = digest.readUInt32LE(8);
  let counter = digest.readUInt32LE(12);
  return () => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 0x1_0000_0000;
  };
}

/** A seed that no other rollout has. */
export function freshSeed(): number {
  return randomInt(2 ** 47);
}
