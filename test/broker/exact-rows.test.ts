import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { selectExactRows } from '../../src/broker/exact-rows.ts';
import { isReachable } from '../../src/broker/subset-sum.ts';
import { WaitingGroups } from '../../src/broker/waiting-groups.ts';
import { firstInOrder, inTakingOrder } from './support/first-in-order.ts';
import { group } from './support/groups.ts';

/** `[rows, policy version]` of each group, in submit order. */
type Spec = readonly (readonly [rows: number, version: number])[];

function waitingOf(specs: Spec): WaitingGroups {
  const waiting = new WaitingGroups('rows');
  specs.forEach(([rows, version], index) => {
    waiting.add({
      group: group(`g${index}`, rows),
      position: index + 1,
      version,
      rows,
      tokens: rows * 10,
      bytes: 1,
      arrivedMs: index,
    });
  });
  return waiting;
}

const sizes = (...rows: number[]): Spec => rows.map((count) => [count, 0]);

function chosen(specs: Spec, target: number): readonly number[] | undefined {
  return selectExactRows(waitingOf(specs), target)?.map(({ position }) => position - 1);
}

describe('which groups make an exact batch', () => {
  test.each([
    { rows: [2, 2, 2], target: 4, takes: [0, 1], why: 'the first in order' },
    { rows: [4, 4], target: 4, takes: [0], why: 'one that fills it alone' },
    { rows: [1, 1], target: 4, takes: undefined, why: 'too few rows' },
    { rows: [3, 3, 1], target: 4, takes: [0, 2], why: 'one from further back completes the head' },
    { rows: [5, 4, 4], target: 8, takes: [1, 2], why: 'a head that nothing completes is passed' },
    { rows: [5, 4, 4, 3], target: 8, takes: [0, 3], why: 'the head goes first once it can' },
    { rows: [3, 3, 3], target: 4, takes: undefined, why: 'no set has that sum' },
    { rows: [6, 5, 5, 4], target: 10, takes: [0, 3], why: 'the oldest, not the nearest pair' },
    { rows: [1, 6, 5, 4], target: 10, takes: [0, 2, 3], why: 'a greedy 1 + 6 would fall short' },
  ])('$rows into $target: $why', ({ rows, target, takes }) => {
    expect(chosen(sizes(...rows), target)).toEqual(takes);
  });

  test('an older policy version goes before an earlier submit', () => {
    const specs: Spec = [
      [2, 3],
      [2, 1],
      [2, 2],
      [2, 1],
    ];
    expect(chosen(specs, 4)).toEqual([1, 3]);
  });

  test('it is what an exhaustive search in order finds, and nothing only when there is nothing', () => {
    const specs = fc.array(
      fc.tuple(fc.integer({ min: 1, max: 7 }), fc.integer({ min: 0, max: 2 })),
      {
        maxLength: 14,
      },
    );
    fc.assert(
      fc.property(specs, fc.integer({ min: 1, max: 16 }), (given, target) => {
        const expected = firstInOrder(
          inTakingOrder(
            given.map(([rows, version], index) => ({ id: `g${index}`, rows, version })),
          ),
          target,
        );
        const found = selectExactRows(waitingOf(given), target);
        expect(found?.map(({ group: { id } }) => id)).toEqual(expected?.map(({ id }) => id));
      }),
      { numRuns: 500 },
    );
  });
});

test('reachable sums are those of some subset', () => {
  const pieces = fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 12 });
  fc.assert(
    fc.property(pieces, fc.integer({ min: 0, max: 40 }), (given, target) => {
      const counts = new Map<number, number>();
      for (const size of given) counts.set(size, (counts.get(size) ?? 0) + 1);
      let sums = new Set([0]);
      for (const size of given) sums = sums.union(new Set([...sums].map((sum) => sum + size)));
      expect(isReachable(counts, target)).toBe(sums.has(target));
    }),
  );
});
