import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { BatchSize } from '../../src/broker/index.ts';
import { selectShared } from '../../src/broker/select-shared.ts';
import { Lanes, share } from './support/lanes.ts';
import { selectShared as plainly } from './support/plain/select-shared.ts';

const queue = fc.record({
  kind: fc.constantFrom('rows', 'rows', 'groups', 'tokens'),
  target: fc.integer({ min: 1, max: 60 }),
  environments: fc.array(
    fc.record({
      weight: fc.oneof(
        fc.constantFrom(0.5, 1, 1, 2, 3, 10),
        fc.double({ min: 0.01, max: 50, noNaN: true }),
      ),
      minShare: fc.constantFrom(0, 0, 0, 0.03, 0.05),
      deficit: fc.oneof(fc.constant(0), fc.double({ min: -30, max: 30, noNaN: true })),
    }),
    { minLength: 1, maxLength: 20 },
  ),
  sizes: fc.array(fc.integer({ min: 1, max: 16 }), { minLength: 1, maxLength: 6 }),
  groups: fc.array(fc.tuple(fc.nat(), fc.nat(), fc.nat({ max: 2 })), { maxLength: 90 }),
});

test('a cut takes what the plain algorithm takes, and owes what it owes: 5,000 random queues', () => {
  let cuts = 0;
  fc.assert(
    fc.property(queue, ({ kind, target, environments, sizes, groups }) => {
      const shares = environments.map(({ weight, minShare }, place) =>
        share(`e${place}`, weight, { minShare }),
      );
      const size = { kind, [kind]: target } as unknown as BatchSize;
      const lanes = new Lanes(size, target, shares);
      lanes.deficits = Object.fromEntries(
        environments.map(({ deficit }, place) => [`e${place}`, deficit]),
      );
      for (const [who, rows, version] of groups) {
        lanes.add(`e${who % environments.length}`, sizes[rows % sizes.length]!, version);
      }
      const byName = new Map(shares.map((one) => [one.environment, one]));
      for (;;) {
        const { waiting, deficits } = lanes;
        const expected = plainly(size, target, waiting, byName, deficits);
        const found = selectShared(size, target, waiting, byName, deficits);
        const positions = found?.groups.map(({ position }) => position);
        expect(positions).toEqual(expected?.groups.map(({ position }) => position));
        expect(found?.deficits).toEqual(expected?.deficits);
        if (lanes.cut() === undefined || found?.groups.length === 0) return;
        cuts += 1;
      }
    }),
    { numRuns: 5_000 },
  );
  expect(cuts).toBeGreaterThan(1_000);
});

test('and of 64 environments with 16 groups of mixed sizes, batch after batch', () => {
  const names = Array.from({ length: 64 }, (_, place) => `e${place}`);
  for (const minShare of [0, 1 / 100]) {
    const shares = names.map((name, place) => share(name, 1 + (place % 7), { minShare }));
    const byName = new Map(shares.map((one) => [one.environment, one]));
    const size = { kind: 'rows', rows: 701 } as const;
    const lanes = new Lanes(size, size.rows, shares);
    for (let index = 0; index < 64 * 16; index += 1) {
      lanes.add(names[index % 64]!, [4, 6, 10, 15, 9][(index * 7 + (index >> 6)) % 5]!);
    }
    let cuts = 0;
    for (; ; cuts += 1) {
      const { waiting, deficits } = lanes;
      const expected = plainly(size, size.rows, waiting, byName, deficits);
      const cut = lanes.cut();
      expect(cut?.batch).toEqual(expected);
      if (cut === undefined) break;
    }
    expect(cuts).toBeGreaterThan(8);
  }
});
