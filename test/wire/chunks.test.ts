import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ChunkAssembler, chunksOf } from '../../src/wire/index.ts';

test('chunks put together give the payload, whatever the sizes', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 200 }),
      fc.integer({ min: 1, max: 64 }),
      (bytes, max) => {
        const assembler = new ChunkAssembler(bytes.length, 'part');
        for (const { offset, data } of chunksOf(bytes, max)) {
          expect(data.length).toBeLessThanOrEqual(max);
          assembler.add(offset, data);
        }
        expect(assembler.complete).toBe(true);
        expect(assembler.bytes()).toEqual(bytes);
      },
    ),
  );
});

test('an empty payload still arrives as one chunk', () => {
  expect([...chunksOf(new Uint8Array(), 8)]).toHaveLength(1);
});

test('a gap, an overrun and a missing end are each refused by name', () => {
  const assembler = new ChunkAssembler(4, 'parts[1]');
  assembler.add(0, Uint8Array.of(1, 2));
  expect(() => assembler.add(3, Uint8Array.of(3))).toThrow(/parts\[1\]\.offset: is 3/);
  expect(() => assembler.add(2, Uint8Array.of(3, 4, 5))).toThrow(/brings 5 bytes where 4/);
  expect(() => assembler.bytes()).toThrow(/ended after 2 of 4/);
});
