import fc from 'fast-check';
import { expect, test } from 'vitest';
import { playStorm, type StormPlan } from '../support/storm.ts';

const calm = { abort: 0, taint: 0, leak: 0, extra: 0, early: 0 };

/** Of eight keys on six sandboxes, with leases that end soon. */
const mixed: StormPlan = {
  ...{ seed: 1, leases: 1_000, spreadMs: 15_000, keys: 8 },
  ...{ holdMs: 100, timeoutMs: 60_000, latencyMs: 40, faults: {}, chances: calm },
  pool: { maxTotal: 6, maxUses: Infinity },
};

test('a crowded mixed storm makes few sandboxes, and still nobody starves', async () => {
  for (const seed of [1, 2]) {
    const result = await playStorm({ ...mixed, seed });
    expect(result.broken).toEqual([]);
    expect(result.leased).toBe(1_000);
    // Were each who waited long served first, it would be some 800.
    expect(result.created).toBeLessThan(200);
    // Of who was first of all: a turn, a lease, an end and a beginning.
    expect(result.longestStarvedMs).toBeLessThan(250 + 100 + 40 + 40 + 40);
  }
}, 30_000);

test('whatever fails, a storm keeps to every promise of the pool', async () => {
  const chance = (max: number) => fc.double({ min: 0, max, noNaN: true });
  const plan: fc.Arbitrary<StormPlan> = fc.record({
    seed: fc.nat({ max: 1e6 }),
    leases: fc.constant(120),
    spreadMs: fc.constantFrom(100, 3_000, 60_000),
    keys: fc.integer({ min: 1, max: 5 }),
    holdMs: fc.constantFrom(1, 100, 5_000),
    timeoutMs: fc.constantFrom(200, 5_000, 600_000),
    latencyMs: fc.constantFrom(0, 50, 2_000),
    faults: fc.record({
      create: fc.record({
        fails: chance(0.3),
        quota: chance(0.2),
        hangs: chance(0.03),
        late: chance(0.1),
        refused: chance(0.02),
      }),
      baseline: fc.record({ fails: chance(0.1), hangs: chance(0.02) }),
      health: fc.record({ fails: chance(0.3), hangs: chance(0.1) }),
      reset: fc.record({ fails: chance(0.1), differs: chance(0.2), hangs: chance(0.05) }),
      exec: fc.record({ fails: chance(0.05) }),
      terminate: fc.record({ fails: chance(0.3), hangs: chance(0.03) }),
    }),
    chances: fc.record({
      abort: chance(0.3),
      taint: chance(0.2),
      leak: chance(0.02),
      extra: chance(0.3),
      early: chance(0.1),
    }),
    pool: fc.record({
      maxTotal: fc.integer({ min: 1, max: 6 }),
      maxPerKey: fc.integer({ min: 1, max: 6 }),
      maxExtra: fc.constantFrom(0, 0, 1, 3),
      maxUses: fc.constantFrom(1, 3, Infinity),
      maxWaiting: fc.constantFrom(5, 1_000),
      idleMs: fc.constantFrom(0, 1_000, 300_000),
      lifetimeMs: fc.constantFrom(20_000, 3_600_000),
      createTimeoutMs: fc.constant(5_000),
    }),
  });
  let leased = 0;
  await fc.assert(
    fc.asyncProperty(plan, async (given) => {
      const result = await playStorm(given);
      expect(result.broken).toEqual([]);
      leased += result.leased;
    }),
    { numRuns: 100, seed: 7 },
  );
  expect(leased).toBeGreaterThan(2_000);
}, 60_000);
