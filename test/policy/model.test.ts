import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { advance, createDecoding } from '../../src/policy/decoding.ts';
import { createDistribution } from '../../src/policy/distribution.ts';
import { createActivations } from '../../src/policy/forward.ts';
import type { LossName } from '../../src/policy/losses.ts';
import { createRandom, randomInt } from '../../src/policy/random.ts';
import { scoreTokens } from '../../src/policy/score.ts';
import type { TensorName } from '../../src/policy/shape.ts';
import type { TrainRow } from '../../src/policy/train-row.ts';
import { accumulateGradient } from '../../src/policy/train-step.ts';
import type { Weights } from '../../src/policy/weights.ts';
import { tinyWeights } from './tiny.ts';

function finish<T>(work: Generator<void, T, void>): T {
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
  }
}

function randomIds(seed: number, length: number, vocabularySize: number): Int32Array {
  const random = createRandom(seed);
  return Int32Array.from({ length }, () => randomInt(random, vocabularySize));
}

describe('the model', () => {
  test('one token at a time gives the log probabilities of a full pass, bit for bit', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 150 }), fc.nat(20), (seed, length, slice) => {
        const weights = tinyWeights(seed % 7);
        const { vocabularySize } = weights.shape;
        const promptIds = randomIds(seed, length, vocabularySize);
        const decoding = createDecoding({
          ...{ weights, promptIds, maxTokens: 40, stopTokenIds: new Set(), topLogprobs: 0 },
          sampling: { temperature: 1.3, topP: 1, topK: 0, logprobMode: 'processed' },
          random: createRandom(seed),
        });
        const scratch = {
          act: createActivations(weights.shape),
          distribution: createDistribution(vocabularySize),
        };
        while (decoding.finish === undefined) advance(decoding, 1 + slice, scratch);
        const whole = Int32Array.from([...promptIds, ...decoding.ids]);
        const scored = finish(scoreTokens(weights, whole, 1.3));
        expect(scored.subarray(length)).toEqual(Float32Array.from(decoding.logprobs));
      }),
      { numRuns: 25 },
    );
  });

  test('probabilities of the next token sum to one', () => {
    const weights = tinyWeights(3);
    const { vocabularySize } = weights.shape;
    let sum = 0;
    for (let id = 0; id < vocabularySize; id++) {
      sum += Math.exp(finish(scoreTokens(weights, Int32Array.of(70, 71, id), 1))[2]!);
    }
    expect(sum).toBeCloseTo(1, 5);
  });

  test('a token is scored by what precedes it only', () => {
    const weights = tinyWeights(4);
    const ids = randomIds(5, 30, weights.shape.vocabularySize);
    const all = finish(scoreTokens(weights, ids, 1));
    const part = finish(scoreTokens(weights, ids.subarray(0, 20), 1));
    expect(all.subarray(1, 20)).toEqual(part.subarray(1));
    expect(all[0]).toBeNaN();
  });
});

describe('the gradient', () => {
  const tensors: readonly TensorName[] = [
    ...(['embedding', 'shift', 'query', 'key', 'value', 'attention_output'] as const),
    ...(['hidden_weight', 'hidden_bias', 'output_weight', 'output_bias', 'logit_bias'] as const),
  ];

  test.each<LossName>(['sft', 'reinforce', 'grpo'])(
    'of %s agrees with finite differences',
    (name) => {
      // Larger queries and keys than at the start of training, so that attention is not nearly flat.
      const weights = scaled(tinyWeights(2), ['query', 'key'], 4);
      const { vocabularySize } = weights.shape;
      const rows = [1, 2].map((seed): TrainRow => {
        const tokenIds = randomIds(seed, 14, vocabularySize);
        const trained = Uint8Array.from(tokenIds, (_, i) => (i > 0 && i % 3 !== 0 ? 1 : 0));
        const logprobs = finish(scoreTokens(weights, tokenIds, 0.8)).filter(
          (_, i) => trained[i] === 1,
        );
        // Off policy by a little, inside the clip range.
        const sampled = logprobs.map((value, i) => value + 0.05 * Math.sin(i));
        const advantage = Float32Array.from(sampled, (_, i) => Math.cos(i + seed));
        return { tokenIds, trained, logprobs: sampled, advantage };
      });
      const count = rows.reduce((sum, row) => sum + row.logprobs!.length, 0);
      const options = { name, clipLow: 0.2, clipHigh: 0.28, temperature: 0.8 };
      const lossOf = (at: Weights): number => {
        const gradient = new Float64Array(at.values.length);
        return finish(accumulateGradient(at, rows, count, options, gradient)).loss;
      };
      const gradient = new Float64Array(weights.values.length);
      finish(accumulateGradient(weights, rows, count, options, gradient));
      const random = createRandom(11);
      for (const tensor of tensors) {
        const indices = largest(weights, gradient, tensor, 12);
        indices.push(...sampleIndices(weights, tensor, () => random.next(), 4));
        for (const index of indices) {
          // Float64 throughout, so a tiny step is exact enough and rarely crosses a ReLU's corner.
          const nudged = (by: number): Weights => {
            const values = Float64Array.from(weights.values);
            values[index]! += by;
            return { ...weights, values };
          };
          const numeric = (lossOf(nudged(1e-5)) - lossOf(nudged(-1e-5))) / 2e-5;
          expect(gradient[index], `${tensor}[${index}]`).toBeCloseTo(numeric, 7);
        }
      }
    },
  );
});

function scaled(weights: Weights, names: readonly TensorName[], by: number): Weights {
  const values = Float64Array.from(weights.values);
  for (const name of names) {
    const { start, end } = rangeOf(weights, name);
    for (let i = start; i < end; i++) values[i]! *= by;
  }
  return { ...weights, values };
}

function rangeOf(weights: Weights, name: TensorName): { start: number; end: number } {
  const entry = weights.layout.manifest.find((tensor) => tensor.name === name)!;
  const size = entry.shape.reduce((product, length) => product * length, 1);
  return { start: entry.offset, end: entry.offset + size };
}

/** The indices where a mistake would show most. */
function largest(
  weights: Weights,
  gradient: Float64Array,
  name: TensorName,
  count: number,
): number[] {
  const { start, end } = rangeOf(weights, name);
  const indices = Array.from({ length: end - start }, (_, i) => start + i);
  indices.sort((a, b) => Math.abs(gradient[b]!) - Math.abs(gradient[a]!));
  expect(Math.abs(gradient[indices[0]!]!), name).toBeGreaterThan(1e-6);
  return indices.slice(0, count);
}

function sampleIndices(
  weights: Weights,
  name: TensorName,
  next: () => number,
  count: number,
): number[] {
  const { start, end } = rangeOf(weights, name);
  return Array.from({ length: count }, () => start + Math.floor(next() * (end - start)));
}
