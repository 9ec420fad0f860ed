import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ratesOf, termsOf } from '../../src/broker/share-rates.ts';
import { Lanes, share } from './support/lanes.ts';

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f'];

/** Every sum that some of the pieces make, by trying all of them. */
function sumsOf(pieces: readonly number[]): ReadonlySet<number> {
  let sums = new Set([0]);
  for (const piece of pieces) sums = new Set([...sums, ...[...sums].map((sum) => sum + piece)]);
  return sums;
}

const weights = fc.array(fc.constantFrom(0.5, 1, 1, 2, 3, 10), { minLength: 1, maxLength: 6 });

describe('a batch of environments with shares', () => {
  test('is exact, and there is one whenever some groups make one: 10,000 random queues', () => {
    const queue = fc.record({
      target: fc.integer({ min: 1, max: 24 }),
      weights,
      minimums: fc.array(fc.constantFrom(0, 0, 0.1, 0.16), { minLength: 6, maxLength: 6 }),
      groups: fc.array(
        fc.record({ who: fc.nat({ max: 5 }), rows: fc.integer({ min: 1, max: 13 }) }),
        { maxLength: 14 },
      ),
      deficits: fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 6, maxLength: 6 }),
    });
    let served = 0;
    fc.assert(
      fc.property(queue, ({ target, weights, minimums, groups, deficits }) => {
        const shares = weights.map((weight, index) =>
          share(NAMES[index]!, weight, { minShare: minimums[index]! }),
        );
        const lanes = new Lanes({ kind: 'rows', rows: target }, target, shares);
        lanes.deficits = Object.fromEntries(deficits.map((each, index) => [NAMES[index]!, each]));
        for (const { who, rows } of groups) lanes.add(NAMES[who]!, rows);
        const left = groups.map(({ rows }) => rows).filter((rows) => rows <= target);
        const isSatisfiable = sumsOf(left).has(target);
        const cut = lanes.cut();
        expect(cut !== undefined).toBe(isSatisfiable);
        if (cut === undefined) return;
        served += 1;
        const { batch } = cut;
        expect(batch.groups.reduce((sum, { rows }) => sum + rows, 0)).toBe(target);
        expect(new Set(batch.groups).size).toBe(batch.groups.length);
        // Of an environment and a size, the first; of an environment, nothing that came later first.
        const taken = new Map<string, number>();
        for (const { group, rows, position } of batch.groups) {
          const key = `${group.environment}/${rows}`;
          expect(position).toBeGreaterThan(taken.get(key) ?? 0);
          taken.set(key, position);
        }
      }),
      { numRuns: 10_000 },
    );
    expect(served).toBeGreaterThan(1_000);
  });

  test.each([
    { name: 'within one group', sizes: [1, 2, 4, 8].map((size) => fc.constant(size)), groups: 1 },
    // The end of an exact batch may cost one more, which the next ones make up for.
    { name: 'within two where sizes differ', sizes: [fc.constantFrom(1, 2, 4, 8)], groups: 2 },
  ])('gives each its share over a long backlog, $name', ({ sizes: choices, groups }) => {
    const six = choices.map((size) =>
      choices.length > 1
        ? size.map((one) => new Array<number>(6).fill(one))
        : fc.array(size, { minLength: 6, maxLength: 6 }),
    );
    const backlog = fc.record({
      weights,
      sizes: fc.oneof(...six),
      batches: fc.integer({ min: 1, max: 100 }),
    });
    fc.assert(
      fc.property(backlog, ({ weights, sizes, batches }) => {
        const target = 32;
        const shares = weights.map((weight, index) => share(NAMES[index]!, weight));
        const lanes = new Lanes({ kind: 'rows', rows: target }, target, shares);
        const fill = () => {
          for (const [index] of weights.entries()) {
            while (lanes.waiting.unitsIn(NAMES[index]!) < 2 * target) {
              lanes.add(NAMES[index]!, sizes[index]!);
            }
          }
        };
        const total = new Map<string, number>();
        const whole = weights.reduce((sum, weight) => sum + weight, 0);
        const largest = Math.max(...sizes.slice(0, weights.length));
        for (let cut = 1; cut <= batches; cut += 1) {
          fill();
          for (const [name, units] of lanes.cut()!.given) {
            total.set(name, (total.get(name) ?? 0) + units);
          }
          for (const [index, weight] of weights.entries()) {
            const due = (weight / whole) * target * cut;
            const off = Math.abs((total.get(NAMES[index]!) ?? 0) - due);
            expect(off).toBeLessThanOrEqual(groups * largest + 1e-6);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  test('gives each its minimum, in whole groups, while it has groups', () => {
    const backlog = fc.record({
      weights,
      minimums: fc.array(fc.constantFrom(0, 0.05, 0.1, 0.16), { minLength: 6, maxLength: 6 }),
      sizes: fc.array(fc.constantFrom(1, 2, 4), { minLength: 6, maxLength: 6 }),
      arrivals: fc.array(fc.array(fc.nat({ max: 30 }), { minLength: 6, maxLength: 6 }), {
        minLength: 1,
        maxLength: 10,
      }),
    });
    fc.assert(
      fc.property(backlog, ({ weights, minimums, sizes, arrivals }) => {
        const target = 32;
        const shares = weights.map((weight, index) =>
          share(NAMES[index]!, weight, { minShare: minimums[index]! }),
        );
        const lanes = new Lanes({ kind: 'rows', rows: target }, target, shares);
        for (const counts of arrivals) {
          for (const [index] of weights.entries()) {
            for (let count = counts[index]!; count > 0; count -= 1) {
              lanes.add(NAMES[index]!, sizes[index]!);
            }
          }
          const had = new Map(NAMES.map((name) => [name, lanes.waiting.unitsIn(name)]));
          const cut = lanes.cut();
          // One of 1 is always there to fill up with, or the exact size may cost somebody a group.
          if (cut === undefined || !sizes.slice(0, weights.length).includes(1)) continue;
          if ((had.get(NAMES[sizes.indexOf(1)]!) ?? 0) < target) continue;
          for (const [index] of weights.entries()) {
            const size = sizes[index]!;
            const whole = Math.floor((minimums[index]! * target) / size) * size;
            const due = Math.min(whole, had.get(NAMES[index]!)!);
            expect(cut.given.get(NAMES[index]!) ?? 0).toBeGreaterThanOrEqual(due);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  test('a group whose size no batch can use is passed over, and owed for when its turn can be had', () => {
    const lanes = new Lanes({ kind: 'rows', rows: 8 }, 8, [share('odd', 1), share('even', 1)]);
    for (let index = 0; index < 3; index += 1) lanes.add('odd', 5);
    for (let index = 0; index < 12; index += 1) lanes.add('even', 4);
    expect([...lanes.cut()!.given]).toEqual([['even', 8]]);
    expect([...lanes.cut()!.given]).toEqual([['even', 8]]);
    expect(lanes.deficits).toEqual({ odd: 8, even: -8 });
    lanes.add('odd', 3);
    expect([...lanes.cut()!.given]).toEqual([['odd', 8]]);
  });

  test('an environment that was away is owed nothing, and pays back what it is ahead', () => {
    const lanes = new Lanes({ kind: 'groups', groups: 4 }, 4, [share('a', 1), share('b', 1)]);
    for (let index = 0; index < 8; index += 1) lanes.add('a', 1);
    expect([...lanes.cut()!.given]).toEqual([['a', 4]]);
    for (let index = 0; index < 8; index += 1) lanes.add('b', 1);
    expect(lanes.cut()!.given.get('b')).toBe(2);
  });

  test('by tokens is what fits from the front of the turns', () => {
    const size = { kind: 'tokens', tokens: 100 } as const;
    const lanes = new Lanes(size, 100, [share('a', 3), share('b', 1)]);
    for (let index = 0; index < 40; index += 1) {
      lanes.add('a', [15]);
      lanes.add('b', [7]);
    }
    const total = { a: 0, b: 0 };
    for (let cut = 0; cut < 5; cut += 1) {
      const { given, batch } = lanes.cut()!;
      total.a += given.get('a')!;
      total.b += given.get('b')!;
      const tokens = batch.groups.reduce((sum, one) => sum + one.tokens, 0);
      expect(tokens).toBeGreaterThan(100 - 15);
      expect(tokens).toBeLessThanOrEqual(100);
    }
    expect(Math.abs(total.a - 0.75 * (total.a + total.b))).toBeLessThanOrEqual(15);
  });
});

test('looks at as many groups with a million waiting as with a thousand, minimum or not', () => {
  const visitsAt = (depth: number): readonly number[] => {
    const shares = [share('a', 5, { minShare: 0.25 }), share('b', 1, { minShare: 0.1 })];
    const lanes = new Lanes({ kind: 'rows', rows: 64 }, 64, shares);
    for (let index = 0; index < depth; index += 1) {
      lanes.add(NAMES[index % 3]!, [3, 4, 7][index % 7 === 0 ? 2 : index % 2]!);
    }
    return Array.from({ length: 3 }, () => {
      const before = lanes.visited;
      lanes.cut();
      return lanes.visited - before;
    });
  };
  const shallow = visitsAt(1_000);
  expect(visitsAt(1_000_000)).toEqual(shallow);
  expect(Math.max(...shallow)).toBeLessThan(64);
}, 60_000);

describe('the rates of environments', () => {
  const shares = new Map(
    [share('a', 8), share('b', 1, { minShare: 0.4 }), share('c', 1)].map((one) => [
      one.environment,
      one,
    ]),
  );
  test.each([
    { names: ['a', 'c'], rates: { a: 8 / 9, c: 1 / 9 } },
    { names: ['a', 'b', 'c'], rates: { a: 0.6 * (8 / 9), b: 0.4, c: 0.6 / 9 } },
    { names: ['b', 'c'], rates: { b: 0.5, c: 0.5 } },
    { names: ['unnamed', 'c'], rates: { unnamed: 0.5, c: 0.5 } },
  ])('of $names add up to 1, and none is below its minimum', ({ names, rates }) => {
    const terms = names.map((name) => termsOf(name, shares));
    const found = ratesOf(
      terms.map(({ weight }) => weight),
      terms.map(({ minShare }) => minShare),
      terms.map(() => 1),
    );
    expect(found).toHaveLength(names.length);
    const expected: Readonly<Record<string, number>> = rates;
    names.forEach((name, place) => {
      expect(found[place]).toBeCloseTo(expected[name]!, 9);
    });
  });
});
