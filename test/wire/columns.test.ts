import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  assertFinite,
  concatBytes,
  decodeFloat32,
  decodeInt32,
  encodeFloat32,
  encodeInt32,
} from '../../src/wire/index.ts';

test('int32 columns are little-endian and come back as they went', () => {
  expect([...encodeInt32([1, -2, 0x01020304])]).toEqual([
    1, 0, 0, 0, 254, 255, 255, 255, 4, 3, 2, 1,
  ]);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })), (values) => {
      expect([...decodeInt32(encodeInt32(values), 'ids')]).toEqual(values);
    }),
  );
});

test('float32 columns come back bit by bit', () => {
  fc.assert(
    fc.property(fc.float32Array(), (values) => {
      expect(decodeFloat32(encodeFloat32(values), 'logprobs')).toEqual(values);
    }),
  );
});

test('an aligned column is a view and an unaligned one a copy with the same values', () => {
  const bytes = encodeInt32([7, 8, 9]);
  expect(decodeInt32(bytes, 'ids').buffer).toBe(bytes.buffer);
  const shifted = concatBytes([new Uint8Array([0]), bytes]).subarray(1);
  expect([...decodeInt32(shifted, 'ids')]).toEqual([7, 8, 9]);
});

test('a length that is no multiple of 4 names the field', () => {
  expect(() => decodeInt32(new Uint8Array(6), 'row.token_ids')).toThrow(
    /row\.token_ids: holds 6 bytes/,
  );
});

test('a non-finite number names its place', () => {
  expect(() => assertFinite(Float32Array.of(0, Number.NaN), 'row.logprobs')).toThrow(
    /row\.logprobs\[1\]: is NaN/,
  );
  expect(() => assertFinite(Float32Array.of(-1, 0), 'row.logprobs')).not.toThrow();
});

test('an unaligned Buffer of a shared pool gives its own values', () => {
  const pool = Buffer.alloc(64, 0xff);
  pool.set(encodeInt32([7, 8]), 5);
  expect([...decodeInt32(pool.subarray(5, 13), 'ids')]).toEqual([7, 8]);
});
