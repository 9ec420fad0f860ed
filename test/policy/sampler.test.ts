import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createDistribution } from '../../src/policy/distribution.ts';
import { createRandom } from '../../src/policy/random.ts';
import type { Sampling } from '../../src/policy/sampler.ts';
import { checkSampling, sampleToken, topTokens } from '../../src/policy/sampler.ts';

const logits = Float64Array.from([2, 1, 0, -1, 0.5]);
const neutral: Sampling = { temperature: 1, topP: 1, topK: 0, logprobMode: 'processed' };

function softmax(temperature: number, keep: (id: number) => boolean = () => true): number[] {
  const weights = Array.from(logits, (z, id) => (keep(id) ? Math.exp(z / temperature) : 0));
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / sum);
}

function histogram(sampling: Sampling, draws = 20_000): { share: number[]; logprob: number[] } {
  const random = createRandom(1);
  const scratch = createDistribution(logits.length);
  const share = Array.from(logits, () => 0);
  const logprob = Array.from(logits, () => Number.NaN);
  for (let i = 0; i < draws; i++) {
    const token = sampleToken(logits, sampling, random, scratch);
    share[token.id]! += 1 / draws;
    logprob[token.id] = token.logprob;
  }
  return { share, logprob };
}

describe('sampleToken', () => {
  test.each([
    ['temperature 1', neutral, softmax(1)],
    ['temperature 0.5', { ...neutral, temperature: 0.5 }, softmax(0.5)],
    ['top-k 2', { ...neutral, topK: 2 }, softmax(1, (id) => id < 2)],
    ['top-p', { ...neutral, topP: 0.8 }, softmax(1, (id) => [0, 1, 4].includes(id))],
    ['top-k then top-p', { ...neutral, topK: 2, topP: 0.7 }, softmax(1, (id) => id < 1)],
  ] as const)('%s: shares and processed log probabilities agree', (_name, sampling, expected) => {
    const { share, logprob } = histogram(sampling);
    for (const [id, p] of expected.entries()) {
      expect(share[id]).toBeCloseTo(p, 1.8);
      if (p === 0) expect(share[id]).toBe(0);
      else expect(logprob[id]).toBeCloseTo(Math.log(p), 10);
    }
  });

  test('raw log probabilities ignore temperature and filters', () => {
    const { logprob } = histogram({ temperature: 0.5, topP: 1, topK: 3, logprobMode: 'raw' });
    expect(logprob[0]).toBeCloseTo(Math.log(softmax(1)[0]!), 10);
    expect(logprob[4]).toBeCloseTo(Math.log(softmax(1)[4]!), 10);
  });

  test('temperature 0 takes the likeliest and reports its raw log probability', () => {
    const { share, logprob } = histogram({ ...neutral, temperature: 0 }, 10);
    expect(share[0]).toBeCloseTo(1);
    expect(logprob[0]).toBeCloseTo(Math.log(softmax(1)[0]!), 10);
  });

  test('extreme logits give finite log probabilities', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -1e4, max: 1e4, noNaN: true }), { minLength: 2, maxLength: 9 }),
        fc.nat(),
        fc.double({ min: 0.01, max: 10, noNaN: true }),
        (values, seed, temperature) => {
          const scratch = createDistribution(values.length);
          const input = Float64Array.from(values);
          const token = sampleToken(
            input,
            { ...neutral, temperature },
            createRandom(seed),
            scratch,
          );
          expect(Number.isFinite(token.logprob)).toBe(true);
          expect(token.logprob).toBeLessThanOrEqual(1e-12);
        },
      ),
    );
  });

  test('topTokens are ranked, with raw log probabilities', () => {
    const top = topTokens(logits, 3, createDistribution(logits.length));
    expect(top.map(({ id }) => id)).toEqual([0, 1, 4]);
    expect(top[2]!.logprob).toBeCloseTo(Math.log(softmax(1)[4]!), 10);
  });

  test.each([
    { temperature: -1 },
    { temperature: Number.NaN },
    { topP: 0 },
    { topP: 1.1 },
    { topK: -1 },
    { topK: 1.5 },
  ])('refuses %j', (wrong) => {
    expect(() => checkSampling({ ...neutral, ...wrong })).toThrow(Object.keys(wrong)[0]);
  });
});

describe('createRandom', () => {
  test('the same seed gives the same numbers, other seeds others, high bits included', () => {
    const draw = (seed: number) => Array.from({ length: 4 }, createRandom(seed).next);
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
    expect(draw(7)).not.toEqual(draw(7 + 2 ** 40));
  });

  test('numbers lie in [0, 1) and spread evenly', () => {
    const { next } = createRandom(3);
    const bins = Array.from({ length: 10 }, () => 0);
    for (let i = 0; i < 50_000; i++) bins[Math.floor(next() * 10)]! += 1;
    for (const bin of bins) expect(Math.abs(bin - 5000)).toBeLessThan(300);
  });
});
