import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type BrokerStore, createMemoryStore, heldPayload } from '../../../src/broker/index.ts';
import { placesOf, storePayload } from '../../../src/broker/journal/stored-payload.ts';

const { signal } = new AbortController();
const random = (bytes: number, seed: number) =>
  Uint8Array.from({ length: bytes }, (_, i) => (i * 31 + seed * 17) % 256);

describe('a group that lies in a store', () => {
  test('reads back, the parts that are wanted, however its bytes fall into blocks', async () => {
    const sizes = fc.array(fc.oneof(fc.nat(40), fc.constantFrom(0, 63, 64, 65, 1_000)), {
      minLength: 1,
      maxLength: 12,
    });
    await fc.assert(
      fc.asyncProperty(sizes, fc.nat(), async (lengths, mask) => {
        const store = createMemoryStore({ maxPayloadBytes: 64 });
        const [header, ...parts] = lengths.map(random) as [Uint8Array, ...Uint8Array[]];
        const abandon = () => expect.unreachable();
        const held = heldPayload(header, parts);
        const stored = await storePayload(store, 'g', held, { signal, abandon });
        store.commit({ cites: placesOf(stored).blocks });
        expect(stored.byteLength).toBe(held.byteLength);
        expect(await stored.header({ signal })).toEqual(header);
        expect(await stored.parts({ signal })).toEqual(parts);
        const wanted = (index: number) => ((mask >> index) & 1) === 1;
        expect(await stored.parts({ signal, wanted })).toEqual(
          parts.map((part, index) => (wanted(index) ? part : new Uint8Array(0))),
        );
        await store.close();
      }),
      { numRuns: 200, seed: 6 },
    );
  });

  test('is in one block when it is small, and a rank reads no block without its rows', async () => {
    const store = createMemoryStore();
    const options = { signal, abandon: () => {} };
    const small = await storePayload(store, 's', heldPayload(random(9, 1), []), options);
    expect(placesOf(small).blocks).toHaveLength(1);
    const large = [1, 2, 3].map((seed) => random(2 ** 18, seed));
    const stored = await storePayload(store, 'l', heldPayload(random(9, 1), large), options);
    const read: number[] = [];
    expect(placesOf(stored).blocks).toHaveLength(3);
    store.commit({ cites: placesOf(stored).blocks });
    const { read: inner } = store;
    store.read = (ref, reading) => {
      read.push(ref.length);
      return inner.call(store, ref, reading);
    };
    await stored.parts({ signal, wanted: (index) => index === 2 });
    expect(read).toEqual([2 ** 18]);
    await store.close();
  });

  test('whose end can not be put there gives back its begin', async () => {
    const store = createMemoryStore();
    let appends = 0;
    const failing: Pick<BrokerStore, 'append' | 'maxPayloadBytes'> = {
      maxPayloadBytes: store.maxPayloadBytes,
      append: (payloads, options) => {
        appends += 1;
        if (appends === 2) return Promise.reject(new Error('the disk is gone'));
        return store.append(payloads, options);
      },
    };
    const abandoned: number[] = [];
    const parts = [1, 2, 3, 4, 5].map((seed) => new Uint8Array(2 ** 23).fill(seed));
    const storing = storePayload(
      failing as BrokerStore,
      'g',
      heldPayload(new Uint8Array(1), parts),
      {
        signal,
        abandon: (begun) => abandoned.push(begun.byteLength),
      },
    );
    await expect(storing).rejects.toThrow('the disk is gone');
    expect(abandoned).toEqual([1 + 2 ** 25]);
    await store.close();
  });
});
