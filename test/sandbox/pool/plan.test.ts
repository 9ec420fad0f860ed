import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type PlanInput, planPool } from '../../../src/sandbox/pool/plan.ts';

const names = ['a', 'b', 'c'];

const input: fc.Arbitrary<PlanInput> = fc
  .record({
    maxTotal: fc.integer({ min: 1, max: 8 }),
    maxPerKey: fc.integer({ min: 1, max: 8 }),
    closing: fc.nat({ max: 2 }),
    fairnessMs: fc.constant(250),
    isTurnDue: fc.boolean(),
    keys: fc.tuple(
      ...names.map((key) =>
        fc.record({
          key: fc.constant(key),
          idle: fc.nat({ max: 3 }),
          creating: fc.nat({ max: 2 }),
          leased: fc.nat({ max: 2 }),
          minIdle: fc.nat({ max: 2 }),
          mayCreate: fc.constantFrom(0, 1, Infinity),
        }),
      ),
    ),
    waits: fc.array(fc.record({ key: fc.constantFrom(...names), waitedMs: fc.nat({ max: 500 }) }), {
      maxLength: 8,
    }),
  })
  .map(({ keys, waits, ...rest }) => {
    const withTotals = keys.map(({ leased, ...key }) => ({
      ...key,
      total: key.idle + key.creating + leased,
    }));
    const total = withTotals.reduce((sum, key) => sum + key.total, rest.closing);
    const waiters = waits.sort((a, b) => b.waitedMs - a.waitedMs);
    return { ...rest, maxTotal: Math.max(rest.maxTotal, total), total, keys: withTotals, waiters };
  });

const count = (list: readonly string[], key: string): number =>
  list.filter((each) => each === key).length;

test('a plan never makes more than there is room for, nor uses what is not idle', () => {
  fc.assert(
    fc.property(input, (given) => {
      const { grants, creates: needed, refills, evictions } = planPool(given);
      const creates = [...needed, ...refills];
      expect(given.total + creates.length).toBeLessThanOrEqual(given.maxTotal);
      const granted = grants.map((at) => given.waiters[at]!.key);
      expect(new Set(grants).size).toBe(grants.length);
      for (const key of given.keys) {
        const used = count(granted, key.key) + count(evictions, key.key);
        expect(used).toBeLessThanOrEqual(key.idle);
        expect(count(creates, key.key)).toBeLessThanOrEqual(key.mayCreate);
        const most = Math.max(given.maxPerKey, key.total);
        expect(key.total + count(creates, key.key)).toBeLessThanOrEqual(most);
      }
    }),
    { numRuns: 2_000 },
  );
});

test('within a key who came first is served first', () => {
  fc.assert(
    fc.property(input, (given) => {
      const { grants } = planPool(given);
      for (const name of names) {
        const places = given.waiters.flatMap(({ key }, at) => (key === name ? [at] : []));
        const served = grants.filter((at) => given.waiters[at]!.key === name).sort((a, b) => a - b);
        expect(served).toEqual(places.slice(0, served.length));
      }
    }),
    { numRuns: 2_000 },
  );
});

const key = (name: string, more: Partial<PlanInput['keys'][number]> = {}) => ({
  ...{ key: name, idle: 0, creating: 0, total: 0, minIdle: 0, mayCreate: Infinity },
  ...more,
});
const base = { maxTotal: 2, maxPerKey: 2, closing: 0, fairnessMs: 250, isTurnDue: true };

test('an idle sandbox serves its own key before it makes way for another', () => {
  const plan = planPool({
    ...base,
    total: 2,
    keys: [key('a', { idle: 1, total: 2 }), key('b')],
    waiters: [
      { key: 'b', waitedMs: 100 },
      { key: 'a', waitedMs: 0 },
    ],
  });
  expect(plan).toMatchObject({ grants: [1], creates: [], evictions: [] });
});

test('but not once the other has waited its time', () => {
  const plan = planPool({
    ...base,
    total: 2,
    keys: [key('a', { idle: 1, total: 2 }), key('b')],
    waiters: [
      { key: 'b', waitedMs: 250 },
      { key: 'a', waitedMs: 0 },
    ],
  });
  expect(plan).toMatchObject({ grants: [], creates: [], evictions: ['a'] });
});

test('room on its way is counted once, so that no more is destroyed than is needed', () => {
  const plan = planPool({
    ...base,
    total: 2,
    closing: 1,
    keys: [key('a', { idle: 1, total: 1 }), key('b', { total: 1 })],
    waiters: [{ key: 'b', waitedMs: 300 }],
  });
  expect(plan).toMatchObject({ grants: [], creates: [], evictions: [] });
});

test('idle ones are kept as declared, when nobody waits for the room', () => {
  const keys = [key('a', { minIdle: 2 }), key('b', { minIdle: 2 })];
  expect(planPool({ ...base, total: 0, keys, waiters: [] })).toMatchObject({
    ...{ creates: [], refills: ['a', 'a'] },
  });
  const waiters = [{ key: 'b', waitedMs: 0 }];
  expect(planPool({ ...base, total: 0, keys, waiters })).toMatchObject({
    ...{ creates: ['b'], refills: ['a'] },
  });
});
