import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { batchDigest } from '../../src/wire/index.ts';

const one = new Uint8Array(32).fill(1);
const two = new Uint8Array(32).fill(2);

test('a batch digest covers the group digests and the row positions as little-endian integers', () => {
  const rows = [
    { groupIndex: 0, partIndex: 3 },
    { groupIndex: 1, partIndex: 258 },
  ];
  const bytes = [...one, ...two, 0, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0, 2, 1, 0, 0];
  const expected = createHash('sha256').update(new Uint8Array(bytes)).digest();
  expect(Buffer.from(batchDigest([one, two], rows))).toEqual(expected);
});

test('another order of groups or rows is another digest', () => {
  const rows = [
    { groupIndex: 0, partIndex: 0 },
    { groupIndex: 1, partIndex: 0 },
  ];
  const digests = [
    batchDigest([one, two], rows),
    batchDigest([two, one], rows),
    batchDigest([one, two], rows.toReversed()),
  ];
  expect(new Set(digests.map((digest) => Buffer.from(digest).toString('hex'))).size).toBe(3);
});
