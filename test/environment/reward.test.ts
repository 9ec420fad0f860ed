import { existsSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import {
  finalNumber,
  groupAdvantages,
  metricsOf,
  passAtK,
  resolveReward,
} from '../../src/environment/index.ts';

/** A result without a turn. */
const NO_TURNS = { messages: [], turns: [] };

describe('finalNumber', () => {
  it.each<[string, number | undefined]>([
    ['The answer is 42.', 42],
    ['#### 18', 18],
    ['It costs $1,234.50 in all.', 1234.5],
    ['1,234,567', 1234567],
    ['first 3, then 7', 7],
    ['12,34', 34],
    ['-5', -5],
    ['−5 °C', -5],
    ['10-5', 5],
    ['-$3.50', -3.5],
    ['$-3', -3],
    ['.5', 0.5],
    ['0.25kg', 0.25],
    ['45%', 45],
    ['3/4', 0.75],
    ['It is 3/4.', 0.75],
    ['18/3.', 6],
    ['on 1/2/2024', 2024],
    ['2.5e3', 2500],
    ['€ 12', 12],
    ['x2 and no other', undefined],
    ['- 3 apples', 3],
    ['**7**', 7],
    ['\\boxed{12}', 12],
    ['none', undefined],
    ['', undefined],
    ['5.', 5],
  ])('%j gives %s', (text, value) => {
    expect(finalNumber(text)).toBe(value);
  });

  it('finds any number that is written at the end', () => {
    const number = fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e15, max: 1e15 });
    fc.assert(
      fc.property(number, (value) => {
        const shown = Math.round(value * 100) / 100;
        expect(finalNumber(`So 7 of them make ${shown}.`)).toBeCloseTo(shown, 6);
        const grouped = shown.toLocaleString('en-US', { maximumFractionDigits: 2 });
        expect(finalNumber(`It is $${grouped}!`)).toBeCloseTo(shown, 6);
      }),
    );
  });

  const gsm8k = new URL('../../../shared/data/gsm8k/test.jsonl', import.meta.url);
  it.runIf(existsSync(gsm8k))('reads every reference answer of GSM8K', () => {
    const rows = readFileSync(gsm8k, 'utf8').trim().split('\n');
    expect(rows.length).toBeGreaterThan(1000);
    for (const row of rows) {
      const { answer } = JSON.parse(row) as { answer: string };
      const wanted = Number((answer.split('####')[1] as string).replaceAll(',', '').trim());
      expect(finalNumber(answer), answer).toBe(wanted);
    }
  });
});

describe('groupAdvantages', () => {
  it('is (reward - mean) / deviation over the scored', () => {
    expect(groupAdvantages([1, 0, undefined, 1, 0])).toEqual([1, -1, undefined, 1, -1]);
    expect(groupAdvantages([3, 1], { divideByDeviation: false })).toEqual([1, -1]);
  });

  it('is zeros when all are equal, whatever their size', () => {
    const equal = fc.double({ noNaN: true, noDefaultInfinity: true });
    fc.assert(
      fc.property(equal, fc.integer({ min: 1, max: 9 }), (reward, size) => {
        expect(groupAdvantages(new Array(size).fill(reward))).toEqual(new Array(size).fill(0));
      }),
    );
    expect(groupAdvantages([0.1 + 0.2, 0.3])).toEqual([0, 0]);
  });

  it('has mean 0 and deviation 1 for any rewards that differ', () => {
    const rewards = fc.array(fc.integer({ min: -5, max: 5 }), { minLength: 2, maxLength: 20 });
    const scale = fc.constantFrom(1e-300, 1e-9, 1, 1e9, 1e300);
    fc.assert(
      fc.property(rewards, scale, (integers, factor) => {
        fc.pre(new Set(integers).size > 1);
        const advantages = groupAdvantages(integers.map((n) => n * factor)) as number[];
        const mean = advantages.reduce((a, b) => a + b, 0) / advantages.length;
        const variance = advantages.reduce((a, b) => a + b * b, 0) / advantages.length;
        expect(mean).toBeCloseTo(0, 9);
        expect(variance).toBeCloseTo(1, 9);
      }),
    );
  });

  it('has none to give when nothing was scored', () => {
    expect(groupAdvantages([undefined, undefined])).toEqual([undefined, undefined]);
  });
});

describe('passAtK', () => {
  it('is the share of k-subsets that hold a solved attempt', () => {
    const choose = (n: number, k: number): number =>
      k === 0 ? 1 : k > n ? 0 : (choose(n - 1, k - 1) * n) / k;
    for (let n = 1; n <= 12; n++) {
      for (let c = 0; c <= n; c++) {
        for (let k = 1; k <= n; k++) {
          expect(passAtK(n, c, k)).toBeCloseTo(1 - choose(n - c, k) / choose(n, k), 12);
        }
      }
    }
  });

  it('refuses more attempts than there are', () => {
    expect(() => passAtK(2, 1, 3)).toThrow(/k = 3/);
  });
});

describe('resolveReward', () => {
  it('adds up weighted components', () => {
    const components = [
      { name: 'right', value: 1 },
      { name: 'short', value: 0.5, weight: 0.2 },
    ];
    expect(resolveReward({ components }, NO_TURNS)).toMatchObject({ kind: 'scored', reward: 1.1 });
  });

  it.each<[string, unknown]>([
    ['NaN', Number.NaN],
    ['Infinity', Number.POSITIVE_INFINITY],
    ['nothing', undefined],
    ['null', null],
    ['text', '1'],
    ['a component that is NaN', { components: [{ name: 'a', value: Number.NaN }] }],
    [
      'two components of one name',
      {
        components: [
          { name: 'a', value: 1 },
          { name: 'a', value: 1 },
        ],
      },
    ],
    ['a sum that overflows', { components: [{ name: 'a', value: 1e308, weight: 10 }] }],
    ['a refusal', { notScored: 'no' }],
    ['a refusal without a reason', { notScored: '' }],
    ['a refusal that is no text', { notScored: false, value: 1 }],
    ['a value and components', { value: 1, components: [] }],
    ['a misspelt part', { value: 1, turnReward: [1] }],
    ['a misspelt part of a component', { components: [{ name: 'a', value: 1, wieght: 2 }] }],
  ])('is never a score for %s', (_, value) => {
    expect(resolveReward(value as number, NO_TURNS)).toMatchObject({
      kind: 'not_scored',
      failure: { kind: 'environment_error' },
    });
  });
});

it.each<[unknown, string]>([
  [{ value: 1, metric: {} }, 'A reward has no `metric`. It may have: value, components,'],
  [{ component: [] }, 'A reward has no `component`. It may have: value, components,'],
  [
    { components: [{ name: 'a', value: 1, wieght: 2 }] },
    'The reward component `a` has no `wieght`. It may have: name, value, weight, range.',
  ],
  [{ value: 1, components: [] }, 'The reward function returned a value and components.'],
  [{ notScored: 0, value: 1 }, "The reward's notScored is 0. Say why in a text"],
  [new Map([['value', 1]]), 'The reward function returned a Map: [object Map].'],
  ['1', 'The reward function returned the text "1".'],
])('a reward of no known shape is told with what it may be: %j', (value, message) => {
  expect(resolveReward(value as number, NO_TURNS)).toMatchObject({
    kind: 'not_scored',
    failure: { reason: 'REWARD_SHAPE', message: expect.stringContaining(message) },
  });
});

it('a part of a reward that is undefined is not there', () => {
  const value = { value: 1, notScored: undefined, components: undefined, turnRewards: undefined };
  expect(resolveReward(value as never, NO_TURNS)).toMatchObject({ kind: 'scored', reward: 1 });
});

describe('turn rewards of a reward', () => {
  const assistant = { role: 'assistant', content: [], toolCalls: [] } as const;
  const user = { role: 'user', content: [] } as const;
  const turn = { index: 1, finishReason: '', modelDurationMs: 0, toolDurationMs: 0, toolCalls: 0 };
  // The first answer is the opening conversation's own.
  const result = {
    messages: [user, assistant, user, assistant, user, assistant],
    turns: [turn, turn],
  };

  it('name the messages of the turns', () => {
    expect(resolveReward({ value: 2, turnRewards: [0.5, -1] }, result)).toEqual({
      kind: 'scored',
      reward: 2,
      components: [],
      turnRewards: [
        { messageIndex: 3, value: 0.5 },
        { messageIndex: 5, value: -1 },
      ],
    });
  });

  it('may be any list of numbers', () => {
    for (const turnRewards of [Float32Array.of(0.5, -1), { length: 2, 0: 0.5, 1: -1 }]) {
      expect(resolveReward({ value: 2, turnRewards }, result)).toMatchObject({
        turnRewards: [{ value: 0.5 }, { value: -1 }],
      });
    }
  });

  it.each<[unknown, string]>([
    ['12', 'The reward function gave the text "12" as turnRewards of 2 turns.'],
    [['1', '2'], 'The reward of turn 1 is the text "1". Each must be a finite number.'],
    [7, 'The reward function gave 7 as turnRewards'],
    [[1, undefined], 'The reward of turn 2 is nothing.'],
  ])('say what is wrong with %j', (turnRewards, message) => {
    expect(resolveReward({ value: 1, turnRewards: turnRewards as number[] }, result)).toMatchObject(
      { kind: 'not_scored', failure: { message: expect.stringContaining(message) } },
    );
  });

  it.each<[string, number[]]>([
    ['too few', [1]],
    ['too many', [1, 2, 3]],
    ['one that is NaN', [1, Number.NaN]],
  ])('leave the rollout without a score: %s', (_, turnRewards) => {
    const components = [{ name: 'a', value: 1 }];
    expect(resolveReward({ components, turnRewards }, result)).toMatchObject({
      kind: 'not_scored',
      failure: { kind: 'environment_error' },
    });
  });
});

describe('metrics of a reward', () => {
  it('are kept, also of a rollout that is not scored', () => {
    const warn = vi.fn();
    expect(metricsOf({ value: 1, metrics: { length: 3 } }, warn)).toEqual({ length: 3 });
    expect(metricsOf({ notScored: 'no', metrics: { length: 0 } }, warn)).toEqual({ length: 0 });
    expect(metricsOf(1, warn)).toEqual({});
    expect(warn).not.toHaveBeenCalled();
  });

  it('are left out when they are no number, and told of once', () => {
    const warn = vi.fn();
    const metrics = { a: Number.NaN, b: '1' as unknown as number, c: 1 };
    expect(metricsOf({ value: 1, metrics }, warn)).toEqual({ c: 1 });
    expect(warn.mock.calls).toEqual([
      ['The metric `a` of the reward is NaN; it is left out. So are 1 more.'],
    ]);
  });

  it.each<[unknown, string]>([
    [new Map([['a', 1]]), 'a Map: [object Map]'],
    [[1, 2], '[1,2]'],
    [7, '7'],
    ['text', 'the text "text"'],
  ])('that are no object of numbers are told of, and none is kept: %s', (metrics, shown) => {
    const warn = vi.fn();
    expect(metricsOf({ value: 1, metrics: metrics as never }, warn)).toEqual({});
    expect(warn).toHaveBeenCalledOnce();
    expect(warn).toHaveBeenCalledWith(expect.stringContaining(`reward are ${shown}, and none`));
  });

  it('are bounded in number and name, with one warning for all that is left out', () => {
    const warn = vi.fn();
    const many = Array.from({ length: 300 }, (_, at) => [`m${at}`, at]);
    const metrics = Object.fromEntries([['x'.repeat(257), 1], ...many]);
    const kept = metricsOf({ value: 1, metrics }, warn);
    expect(Object.keys(kept)).toHaveLength(256);
    expect(kept).toMatchObject({ m0: 0, m255: 255 });
    expect(warn).toHaveBeenCalledOnce();
    expect(warn).toHaveBeenCalledWith(expect.stringMatching(/257 characters.* So are 44 more\.$/));
  });
});
