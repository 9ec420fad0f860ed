import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bestOfN,
  cosineLengthReward,
  discountedReturns,
  groupAdvantages,
  linearLengthPenalty,
  resolveReward,
  stepAdvantages,
  turnRewards,
  turnsOf,
} from '../../src/environment/index.ts';
import { type Message, textContent } from '../../src/messages.ts';

const finite = fc.double({ min: -1e6, max: 1e6, noNaN: true });

/** A result without a turn. */
const NO_TURNS = { messages: [], turns: [] };

describe('discountedReturns', () => {
  it('adds what is still to come, discounted', () => {
    expect(discountedReturns([1, 2, 4], 0.5)).toEqual([3, 4, 4]);
    expect(discountedReturns([1, 2, 4], 1)).toEqual([7, 6, 4]);
    expect(discountedReturns([1, 2, 4], 0)).toEqual([1, 2, 4]);
    expect(discountedReturns([], 1)).toEqual([]);
  });

  it('satisfies its recursion and refuses what is no number', () => {
    fc.assert(
      fc.property(fc.array(finite), fc.double({ min: 0, max: 1, noNaN: true }), (rewards, g) => {
        const returns = discountedReturns(rewards, g);
        for (const [i, reward] of rewards.entries()) {
          expect(returns[i]).toBe(reward + g * (returns[i + 1] ?? 0));
        }
      }),
    );
    expect(() => discountedReturns([1], 1.1)).toThrow('discount: is 1.1');
    expect(() => discountedReturns([0, Number.NaN], 1)).toThrow('rewards[1]: is NaN');
  });
});

describe('stepAdvantages', () => {
  it('measures each step against all steps of the group', () => {
    const [good, bad] = stepAdvantages([[1, 1], [0]]) as [number[], number[]];
    const unit = groupAdvantages([1, 1, 0]) as number[];
    expect(good).toEqual([(unit[0] as number) + (unit[1] as number), unit[1]]);
    expect(bad).toEqual([unit[2]]);
  });

  it('is zero for equal rewards, where rounding would be a division by nearly nothing', () => {
    expect(stepAdvantages([[0.1, 0.1], [0.1], []])).toEqual([[0, 0], [0], []]);
  });
});

describe('bestOfN', () => {
  it('gives the best, never one without a score', () => {
    const items = [
      { id: 'a', reward: 1, length: 9 },
      { id: 'b', reward: undefined, length: 1 },
      { id: 'c', reward: 2, length: 5 },
      { id: 'd', reward: 2, length: 4 },
      { id: 'e', reward: Number.NaN, length: 0 },
    ];
    const ids = (n: number): string[] =>
      bestOfN(items, ({ reward }) => reward, { n, tieBreak: ({ length }) => -length }).map(
        ({ id }) => id,
      );
    expect(ids(1)).toEqual(['d']);
    expect(ids(9)).toEqual(['d', 'c', 'a']);
    expect(bestOfN([], () => 1)).toEqual([]);
  });

  it('keeps the order of equals and sorts infinities', () => {
    expect(bestOfN([3, 1, 2], () => 0, { n: 3 })).toEqual([3, 1, 2]);
    const all = [Number.NEGATIVE_INFINITY, 0, Number.POSITIVE_INFINITY];
    expect(bestOfN(all, (item) => item, { n: 3 })).toEqual(all.toReversed());
  });
});

describe('length rewards', () => {
  it('fall in a straight line', () => {
    const limits = { free: 100, max: 200 };
    expect([0, 100, 150, 200, 1e9].map((l) => linearLengthPenalty(l, limits))).toEqual([
      1, 1, 0.5, 0, 0,
    ]);
    expect(() => linearLengthPenalty(1, { free: 2, max: 2 })).toThrow('0 <= free < max');
    expect(() => linearLengthPenalty(Number.NaN, limits)).toThrow('is NaN');
  });

  it('favour short right answers and long wrong ones along a cosine', () => {
    const at = (length: number, correct: boolean): number =>
      cosineLengthReward(length, { maxLength: 100, correct });
    expect(at(0, true)).toBe(1);
    expect(at(50, true)).toBeCloseTo(0.75);
    expect(at(0, false)).toBe(-1);
    expect(at(99.99, false)).toBeCloseTo(-0.5);
    expect(at(100, true)).toBe(-1);
    fc.assert(
      fc.property(fc.nat(99), fc.nat(99), (a, b) => {
        const [short, long] = [Math.min(a, b), Math.max(a, b)];
        expect(at(short, true)).toBeGreaterThanOrEqual(at(long, true));
        expect(at(short, false)).toBeLessThanOrEqual(at(long, false));
      }),
    );
  });
});

describe('declared ranges', () => {
  it('let a component within them count', () => {
    expect(
      resolveReward(
        {
          components: [
            { name: 'right', value: 1, range: [0, 1], weight: 2 },
            { name: 'style', value: -0.5, range: [-1, 1] },
          ],
        },
        NO_TURNS,
      ),
    ).toEqual({
      kind: 'scored',
      reward: 1.5,
      components: [
        { name: 'right', value: 1, weight: 2 },
        { name: 'style', value: -0.5, weight: 1 },
      ],
    });
  });

  it.each<[number, readonly [number, number]]>([
    [1.01, [0, 1]],
    [-0.01, [0, 1]],
    [0.5, [1, 0]],
    [0.5, [Number.NaN, 1]],
  ])('leave a rollout without a score when %s is outside of %j', (value, range) => {
    expect(resolveReward({ components: [{ name: 'c', value, range }] }, NO_TURNS)).toMatchObject({
      kind: 'not_scored',
      failure: { kind: 'environment_error', reason: 'REWARD_OUT_OF_RANGE' },
    });
  });
});

describe('turn rewards', () => {
  const said = (text: string): Message => ({
    role: 'assistant',
    content: textContent(text),
    toolCalls: [],
  });
  const got = (toolCallId: string): Message => ({
    role: 'tool',
    content: [],
    toolCallId,
    toolName: 't',
  });
  const turn = { index: 1, finishReason: 'stop', modelDurationMs: 0, toolDurationMs: 0 };
  const result = {
    // The first answer is part of the opening conversation, and no turn.
    messages: [said('shown'), said('one'), got('1'), got('2'), said('two')],
    turns: [turn, turn] as never,
  };

  it('find the turns and what their calls brought', () => {
    expect(turnsOf(result).map(({ index, toolResults }) => [index, toolResults.length])).toEqual([
      [1, 2],
      [2, 0],
    ]);
  });

  it('combine as they are asked to', () => {
    const score = ({ toolResults }: { toolResults: readonly unknown[] }): number | undefined =>
      toolResults.length > 0 ? undefined : 4;
    expect(turnRewards(result, score)).toEqual({ rewards: [0, 4], returns: [4, 4], value: 4 });
    expect(turnRewards(result, score, { combine: 'mean' }).value).toBe(2);
    const options = { combine: 'discounted', discount: 0.5 } as const;
    expect(turnRewards(result, score, options)).toMatchObject({ returns: [2, 4], value: 2 });
    expect(turnRewards({ messages: [], turns: [] }, score, { combine: 'mean' }).value).toBe(0);
    expect(() => turnRewards(result, () => Number.NaN)).toThrow('turn 1: was given the reward NaN');
  });
});
