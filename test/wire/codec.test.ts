import { expect, test } from 'vitest';
import { decodePayload, encodePayload } from '../../src/wire/index.ts';

test('zstd payloads come back as they went', () => {
  const bytes = new Uint8Array(10_000).map((_, i) => i % 7);
  const encoded = encodePayload('zstd', bytes);
  expect(encoded.length).toBeLessThan(bytes.length);
  expect(Buffer.from(decodePayload('zstd', encoded, 10_000))).toEqual(Buffer.from(bytes));
});

test('a payload that decodes to more than allowed is refused', () => {
  const bomb = encodePayload('zstd', new Uint8Array(1_000_000));
  expect(() => decodePayload('zstd', bomb, 1_000, 'parts[0]')).toThrow(
    /parts\[0\]: is no zstd frame/,
  );
  expect(() => decodePayload('zstd', Uint8Array.of(1, 2, 3), 1_000)).toThrow(/is no zstd frame/);
});
