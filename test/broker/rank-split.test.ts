import fc from 'fast-check';
import { expect, test } from 'vitest';
import { splitRanks } from '../../src/broker/rank-split.ts';

test.each([
  { tokens: [], world: 3, ranks: [] },
  { tokens: [5, 5, 5], world: 1, ranks: [0, 0, 0] },
  { tokens: [1, 1, 1, 1], world: 2, ranks: [0, 1, 0, 1] },
  { tokens: [10, 50, 20, 30], world: 2, ranks: [0, 0, 1, 1] },
  { tokens: [7], world: 4, ranks: [0] },
  { tokens: [0, 0, 0], world: 3, ranks: [0, 1, 2] },
])('rows of $tokens tokens over $world ranks: $ranks', ({ tokens, world, ranks }) => {
  expect(splitRanks(tokens, world)).toEqual(ranks);
});

test('no two ranks differ by more than the longest row, and none idles while there are rows', () => {
  const rows = fc.array(fc.integer({ min: 1, max: 4_096 }), { minLength: 1, maxLength: 64 });
  fc.assert(
    fc.property(rows, fc.integer({ min: 1, max: 16 }), (tokens, world) => {
      const load = new Array<number>(world).fill(0);
      splitRanks(tokens, world).forEach((rank, row) => {
        load[rank]! += tokens[row]!;
      });
      expect(Math.max(...load) - Math.min(...load)).toBeLessThanOrEqual(Math.max(...tokens));
      expect(load.filter((sum) => sum > 0)).toHaveLength(Math.min(world, tokens.length));
    }),
  );
});
