import fc from 'fast-check';
import { expect, test } from 'vitest';
import { chunksOfParts, PartsAssembler } from '../../src/wire/index.ts';

const parts = fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { maxLength: 12 });
const sizesOf = (list: readonly Uint8Array[]) => list.map(({ length }) => length);

test('parts come back as they went, whatever the sizes, in as few chunks as the limit allows', () => {
  fc.assert(
    fc.property(parts, fc.integer({ min: 1, max: 64 }), (list, max) => {
      const assembler = new PartsAssembler(sizesOf(list), 'parts');
      const chunks = [...chunksOfParts(list, max)];
      for (const chunk of chunks) {
        expect(chunk.data.length).toBeLessThanOrEqual(max);
        assembler.add(chunk);
      }
      expect(assembler.all()).toEqual(list);
      const total = sizesOf(list).reduce((sum, size) => sum + size, 0);
      expect(chunks).toHaveLength(Math.ceil(total / max));
    }),
  );
});

test('only the wanted parts come, and the others are not there', () => {
  fc.assert(
    fc.property(parts, fc.integer({ min: 1, max: 64 }), fc.nat(), (list, max, mask) => {
      const wanted = (index: number) => ((mask >> index) & 1) === 1;
      const assembler = new PartsAssembler(sizesOf(list), 'parts');
      for (const chunk of chunksOfParts(list, max, wanted)) assembler.add(chunk);
      list.forEach((part, index) => {
        expect(assembler.part(index)).toEqual(wanted(index) ? part : undefined);
      });
    }),
  );
});

test('a part that is a chunk by itself is a view and no copy', () => {
  const part = new Uint8Array(8);
  const [chunk] = [...chunksOfParts([part], 8)];
  expect(chunk?.data.buffer).toBe(part.buffer);
});

test('a gap, bytes beyond the last part and a missing end are refused by name', () => {
  const assembler = new PartsAssembler([2, 2], 'parts');
  const data = Uint8Array.of(1, 2, 3);
  expect(() => assembler.add({ partIndex: 0, offset: 1, data })).toThrow(/parts\[0\]\.offset/);
  expect(() => assembler.add({ partIndex: 2, offset: 0, data })).toThrow(/chunk\.part_index/);
  assembler.add({ partIndex: 0, offset: 0, data });
  expect(() => assembler.all()).toThrow(/parts\[1\]: ended after 1 of 2/);
  expect(() => assembler.add({ partIndex: 1, offset: 1, data })).toThrow(
    /chunk\.part_index: comes to 2; the header declares 2/,
  );
});
