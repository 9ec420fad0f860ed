import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { tokenLoss } from '../../src/policy/losses.ts';

const grpo = { name: 'grpo', clipLow: 0.2, clipHigh: 0.28 } as const;

describe('tokenLoss', () => {
  test('grpo on policy has the gradient of reinforce', () => {
    const terms = { logprob: -1.5, sampledLogprob: -1.5, advantage: 0.7 };
    expect(tokenLoss(grpo, terms).derivative).toBe(-0.7);
    expect(tokenLoss({ ...grpo, name: 'reinforce' }, terms).derivative).toBe(-0.7);
  });

  test.each([
    ['a good token already above the ceiling', 1, 1.4, true],
    ['a good token below the floor', 1, 0.5, false],
    ['a bad token already below the floor', -1, 0.5, true],
    ['a bad token above the ceiling', -1, 1.4, false],
    ['a good token between 1 + clipLow and the ceiling', 1, 1.25, false],
  ])('%s: clipped %#', (_name, advantage, ratio, clipped) => {
    const terms = { logprob: Math.log(ratio), sampledLogprob: 0, advantage };
    const loss = tokenLoss(grpo, terms);
    expect(loss.clipped).toBe(clipped);
    expect(loss.derivative).toBeCloseTo(clipped ? 0 : -advantage * ratio, 12);
  });

  test('the clipped loss never promises more than the plain one', () => {
    const value = fc.double({ min: -3, max: 3, noNaN: true });
    fc.assert(
      fc.property(value, value, value, (logprob, sampledLogprob, advantage) => {
        const { loss } = tokenLoss(grpo, { logprob, sampledLogprob, advantage });
        const plain = -Math.exp(logprob - sampledLogprob) * advantage;
        expect(loss).toBeGreaterThanOrEqual(plain - 1e-9);
      }),
    );
  });

  test('sft with weight 1 is cross-entropy', () => {
    const terms = { logprob: -2, sampledLogprob: -2, advantage: 1 };
    expect(tokenLoss({ ...grpo, name: 'sft' }, terms)).toEqual({
      loss: 2,
      derivative: -1,
      clipped: false,
    });
  });
});
