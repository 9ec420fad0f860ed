import { describe, expect, test } from 'vitest';
import { runGrpo, successRate } from '../../scripts/base-policy/grpo.ts';
import { baseTokenizer } from '../../scripts/base-policy/vocabulary.ts';
import { createEmbeddedPolicy, readBaseCheckpoint } from '../../src/policy/index.ts';

const checkpoint = await readBaseCheckpoint();

describe('the base policy', () => {
  test('with updates off it stays at its base rate, however often it is rewarded', async () => {
    const result = await runGrpo(checkpoint, { seed: 1, maxSteps: 4, updatesEnabled: false });
    expect(result.version).toBe(0);
    for (const rate of result.curve) expect(rate).toBeLessThan(0.2);
    using policy = createEmbeddedPolicy({ checkpoint, updatesEnabled: false });
    expect(await successRate(policy, { seed: 5, episodes: 200 })).toBeLessThan(0.2);
    expect(await successRate(policy, { seed: 5, episodes: 200, temperature: 0 })).toBeLessThan(0.2);
  });

  test.each([1, 2, 3])(
    'learns the shop from sparse reward alone, on policy (seed %i)',
    async (seed) => {
      const result = await runGrpo(checkpoint, { seed, maxSteps: 40, stepsAtGoal: 4 });
      expect(result.curve[0]).toBeLessThan(0.2);
      expect(result.goalStep).toBeGreaterThan(0);
      expect(result.after).toBeGreaterThanOrEqual(0.9);
      expect(result.maxRatioDeviation).toBeLessThan(1e-5);
    },
    60_000,
  );

  test('has the vocabulary that its script makes', () => {
    expect(checkpoint.tokenizer.pieces).toEqual(baseTokenizer().pieces);
  });
});
