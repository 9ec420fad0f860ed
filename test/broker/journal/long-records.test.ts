import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createMemoryStore } from '../../../src/broker/index.ts';
import { LongRecords } from '../../../src/broker/journal/long-records.ts';

const MIB = 2 ** 20;
const filled = (bytes: number) => new Uint8Array(bytes).fill(bytes % 251);
const written = fc.tuple(
  fc.constantFrom('a', 'a-', 'a1', 'a.', 'b', "a'"),
  fc.constantFrom(undefined, 0, 5, MIB, MIB + 1, 2 * MIB, 12 * MIB),
);

test('records longer than the store takes read back as they were put last, by who opens it after too', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(written, { maxLength: 8 }), async (writes) => {
      const store = createMemoryStore();
      const first = new LongRecords(store);
      const expected = new Map<string, number>();
      for (const [name, bytes] of writes) {
        const key = `kind/${name}`;
        store.commit(first.changes(key, bytes === undefined ? undefined : filled(bytes)));
        if (bytes === undefined) expected.delete(key);
        else expected.set(key, bytes);
      }
      const second = new LongRecords(store);
      const read = [...second.under('kind/')];
      expect(new Map(read.map(({ key, value }) => [key, value.length]))).toEqual(expected);
      for (const { value } of read) expect(Buffer.compare(value, filled(value.length))).toBe(0);
      for (const { key } of read) store.commit(second.changes(key, undefined));
      expect([...store.records('')]).toEqual([]);
      await store.close();
    }),
    { numRuns: 30, seed: 5 },
  );
});
