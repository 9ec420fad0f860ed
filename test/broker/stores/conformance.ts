import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { BrokerStore, PayloadRef } from '../../../src/broker/stores/store.ts';
import { bytesOf } from './support/bytes.ts';

/** A driver on trial: what is opened again must be what was there. */
export interface StoreOnTrial extends AsyncDisposable {
  open(): Promise<BrokerStore>;
  /**
   * Runs `during`, and leaves what a process leaves that dies at the `at`th of its steps, with the
   * log's end torn by `tear` (0 to 1) behind what lived. The store is of no use any more. Drivers
   * that keep nothing have none.
   */
  crash?(
    store: BrokerStore,
    death: {
      readonly during: () => unknown;
      readonly at: number;
      readonly tear: number;
      /** What may be cited by then. */
      readonly lived: readonly PayloadRef[];
    },
  ): Promise<void>;
}

interface Held {
  readonly ref: PayloadRef;
  readonly bytes: Uint8Array;
}

interface Committed {
  readonly records: ReadonlyMap<string, Uint8Array>;
  readonly live: readonly Held[];
}

const { signal } = new AbortController();
const KEYS = ['a', 'a/1', 'a/2', 'b', 'b/\u{1F600}', 'b/\uFFFD', 'c\n', 'zz'];

type Step =
  | { readonly kind: 'append'; readonly sizes: readonly number[]; readonly seed: number }
  | {
      readonly kind: 'commit';
      readonly put: readonly (readonly [string, number])[];
      readonly remove: readonly string[];
      /** Which of those that may be cited or released, as shares of their number. */
      readonly cite: readonly number[];
      readonly release: readonly number[];
      /** Whether it also cites what is not there, which is refused, or releases such and all twice, which is not. */
      readonly beside: 'none' | 'cites' | 'releases';
    }
  | { readonly kind: 'reopen' }
  | {
      readonly kind: 'crash';
      readonly during: 'append' | 'commit';
      readonly at: number;
      readonly tear: number;
      readonly seed: number;
    };

const share = fc.double({ min: 0, max: 0.999, noNaN: true });
const key = fc.constantFrom(...KEYS);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      sizes: fc.array(fc.oneof(fc.nat(40), fc.nat(3_000)), { maxLength: 4 }),
      seed: fc.nat(),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('commit' as const),
      put: fc.array(fc.tuple(key, fc.nat(300)), { maxLength: 3 }),
      remove: fc.array(key, { maxLength: 2 }),
      cite: fc.array(share, { maxLength: 3 }),
      release: fc.array(share, { maxLength: 2 }),
      beside: fc.constantFrom('none', 'none', 'none', 'cites', 'releases'),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'reopen' as const }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('crash' as const),
      during: fc.constantFrom('append', 'commit'),
      at: fc.nat(12),
      tear: share,
      seed: fc.nat(),
    }),
  },
);

/** The chunks that a payload comes in; also an empty one among them. */
function chunksOf(bytes: Uint8Array): Uint8Array[] {
  const middle = bytes.length >> 1;
  return [bytes.subarray(0, middle), new Uint8Array(0), bytes.subarray(middle)];
}

const inByteOrder = (a: string, b: string): number =>
  Buffer.compare(Buffer.from(a), Buffer.from(b));

function expectRecords(store: BrokerStore, records: ReadonlyMap<string, Uint8Array>): void {
  for (const prefix of ['', 'a', 'a/', 'b/', 'b/\u{1F600}', 'none']) {
    const expected = [...records.keys()].filter((key) => key.startsWith(prefix)).sort(inByteOrder);
    const found = [...store.records(prefix)];
    expect(found.map(({ key }) => key)).toEqual(expected);
    for (const { key, value } of found) expect(Buffer.compare(value, records.get(key)!)).toBe(0);
  }
  expect(store.stats().records).toBe(records.size);
}

async function expectState(store: BrokerStore, { records, live }: Committed): Promise<void> {
  expectRecords(store, records);
  expect(store.stats()).toMatchObject({
    payloads: live.length,
    liveBytes: live.reduce((sum, { bytes }) => sum + bytes.length, 0),
  });
  for (const { ref, bytes } of live) {
    expect(Buffer.compare(await store.read(ref, { signal }), bytes)).toBe(0);
  }
}

/** Whether the store says this of its records and payloads; what is read is read whole. */
async function isState(store: BrokerStore, state: Committed): Promise<boolean> {
  try {
    await expectState(store, state);
    return true;
  } catch {
    return false;
  }
}

/** What every driver must do, step by random step, beside a model of it in the plainest terms. */
export function storeConformance(
  name: string,
  trial: () => Promise<StoreOnTrial>,
  options: { readonly runs?: number } = {},
): void {
  describe(`${name} is a broker store`, () => {
    test('whatever is appended, committed, released, reopened and crashed', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 24 }), async (steps) => {
          await using driver = await trial();
          await play(driver, steps);
        }),
        { numRuns: options.runs ?? 60 },
      );
    }, 60_000);

    test('a key that is no key, and a payload that is too large, are refused', async () => {
      await using driver = await trial();
      const store = await driver.open();
      const value = new Uint8Array(1);
      for (const key of ['', 'a\0b', '\uD800', 'x'.repeat(1_025)]) {
        expect(() => store.commit({ put: [{ key, value }] })).toThrow(/put\[0\]\.key/);
        expect(() => store.commit({ remove: [key] })).toThrow(/remove\[0\]/);
        await expect(store.append([{ label: key, chunks: [value] }], { signal })).rejects.toThrow(
          /payloads\[0\]\.label/,
        );
      }
      store.commit({ put: [{ key: 'x'.repeat(1_024), value: new Uint8Array(2 ** 20) }] });
      const large = { key: 'x', value: new Uint8Array(2 ** 20 + 1) };
      expect(() => store.commit({ put: [large] })).toThrow(/put\[0\]\.value/);
      const chunks = [new Uint8Array(store.maxPayloadBytes), value];
      await expect(store.append([{ label: 'x', chunks }], { signal })).rejects.toMatchObject({
        reason: 'PAYLOAD_TOO_LARGE',
      });
      expect(store.stats().records).toBe(1);
      await store.close();
    });

    test('an append whose signal fires rejects with its reason, and leaves nothing behind', async () => {
      await using driver = await trial();
      const store = await driver.open();
      const reason = new Error('enough');
      const payloads = [{ label: 'a', chunks: [new Uint8Array(100)] }];
      const early = AbortSignal.abort(reason);
      await expect(store.append(payloads, { signal: early })).rejects.toBe(reason);
      const controller = new AbortController();
      const late = store.append(payloads, { signal: controller.signal });
      controller.abort(reason);
      await expect(late).rejects.toBe(reason);
      const [ref] = await store.append(payloads, { signal });
      store.commit({ cites: [ref!] });
      expect(store.stats()).toMatchObject({ payloads: 1, liveBytes: 100, queuedBytes: 0 });
      await expect(store.read(ref!, { signal: early })).rejects.toBe(reason);
      await store.close();
    });

    test('after it is closed, all but closing is refused', async () => {
      await using driver = await trial();
      const store = await driver.open();
      const [ref] = await store.append([{ label: 'a', chunks: [] }], { signal });
      await store.close();
      await store.close();
      const closed = { reason: 'STORE_CLOSED' };
      await expect(store.append([], { signal })).rejects.toMatchObject(closed);
      await expect(store.read(ref!, { signal })).rejects.toMatchObject(closed);
      expect(() => store.commit({ remove: ['a'] })).toThrow(expect.objectContaining(closed));
      expect(() => [...store.records('')]).toThrow(expect.objectContaining(closed));
    });
  });
}

async function play(driver: StoreOnTrial, steps: readonly Step[]): Promise<void> {
  let store = await driver.open();
  let state: Committed = { records: new Map(), live: [] };
  let pending: Held[] = [];
  const append = async (sizes: readonly number[], seed: number): Promise<Held[]> => {
    const all = sizes.map((size, index) => bytesOf(size, seed + index));
    const payloads = all.map((bytes) => ({ label: 'a', chunks: chunksOf(bytes) }));
    const refs = await store.append(payloads, { signal });
    return refs.map((ref, index) => ({ ref, bytes: all[index]! }));
  };
  /** A commit that is right, and what is there after it. */
  const planned = (given: Extract<Step, { kind: 'commit' }>) => {
    const cited = pick(pending, given.cite);
    const known = [...state.live, ...pending];
    const released = pick(known, given.release);
    const records = new Map(state.records);
    for (const key of given.remove) records.delete(key);
    const put = given.put.map(([key, size]) => ({ key, value: bytesOf(size, size) }));
    for (const { key, value } of put) records.set(key, value);
    const gone = new Set(released);
    const live = [...state.live, ...cited].filter((held) => !gone.has(held));
    return {
      change: {
        put,
        remove: given.remove,
        // One that lives already may be cited again.
        cites: [...cited, ...state.live.slice(0, 1)].map(({ ref }) => ref),
        releases: released.map(({ ref }) => ref),
      },
      after: { records, live } satisfies Committed,
      pending: pending.filter((held) => !gone.has(held) && !cited.includes(held)),
    };
  };
  for (const each of steps) {
    switch (each.kind) {
      case 'append':
        pending.push(...(await append(each.sizes, each.seed)));
        break;
      case 'commit': {
        const plan = planned(each);
        const nowhere = { segment: 999, offset: 7, length: 1, crc32: 1 };
        const { change } = plan;
        if (each.beside === 'cites') {
          const wrong = { ...change, cites: [...change.cites, nowhere] };
          expect(() => store.commit(wrong)).toThrow(/cites\[\d\]: the store has no payload/);
          break;
        }
        const releases = [...change.releases, ...change.releases, nowhere];
        store.commit(each.beside === 'none' ? change : { ...change, releases });
        state = plan.after;
        pending = plan.pending;
        break;
      }
      case 'reopen':
        if (driver.crash === undefined) break;
        await store.close();
        store = await driver.open();
        pending = [];
        break;
      case 'crash': {
        if (driver.crash === undefined) break;
        const put = [['b', 10] as const];
        const half = [0, 0.5];
        const plan = planned({
          ...{ kind: 'commit', put, remove: ['a'], cite: half, release: half, beside: 'none' },
        });
        const during =
          each.during === 'append'
            ? () => append([2_000, 10], each.seed)
            : () => store.commit(plan.change);
        const known = each.during === 'append' ? state.live : [...state.live, ...pending];
        const lived = known.map(({ ref }) => ref);
        await driver.crash(store, { during, at: each.at, tear: each.tear, lived });
        store = await driver.open();
        pending = [];
        // All of the commit, or none of it.
        if (each.during === 'commit' && (await isState(store, plan.after))) state = plan.after;
        await expectState(store, state);
        break;
      }
    }
    expectRecords(store, state.records);
  }
  await expectState(store, state);
  await store.close();
}

/** Some of them, each once. */
function pick<Item>(items: readonly Item[], shares: readonly number[]): Item[] {
  const found = shares.flatMap((share) => items[Math.floor(share * items.length)] ?? []);
  return [...new Set(found)];
}
