import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PolicyState, TrainStepResult } from '../../src/policy/index.ts';
import { Tokenizer } from '../../src/policy/index.ts';
import { readSavedPolicy, writeSavedPolicy } from '../../src/policy/saved-policy.ts';
import { createWeights } from '../../src/policy/weights.ts';
import { tinyCheckpoint, tinyWeights } from './tiny.ts';

const checkpoint = tinyCheckpoint();
const { parameters } = checkpoint.weights.layout;
const { shape } = checkpoint.weights;

const float64s = fc
  .array(fc.double({ noNaN: true }), { minLength: parameters, maxLength: parameters })
  .map((values) => Float64Array.from(values));
const step: fc.Arbitrary<TrainStepResult> = fc.record({
  version: fc.nat(),
  gradNorm: fc.double(),
  loss: fc.double(),
  // Of an advantage of 0 at odds that nobody would give, it may be infinite.
  maxRatioDeviation: fc.double(),
  meanKl: fc.double(),
  clipFraction: fc.double(),
  trainedTokens: fc.nat(),
  applied: fc.constant(true),
});
const state: fc.Arbitrary<PolicyState> = fc.record({
  version: fc.maxSafeNat(),
  weights: fc
    .array(fc.float({ noNaN: true, noDefaultInfinity: true }), {
      minLength: parameters,
      maxLength: parameters,
    })
    .map((values) => createWeights(shape, Float64Array.from(values))),
  adam: fc.record({ step: fc.nat(), mean: float64s, variance: float64s }),
  steps: fc
    .array(fc.tuple(fc.string({ unit: 'grapheme', maxLength: 40 }), step), { maxLength: 5 })
    .map((entries) => new Map(entries)),
});

test('what is read is what was written, to the last bit', () => {
  fc.assert(
    fc.property(state, (given) => {
      const read = readSavedPolicy(writeSavedPolicy(given, checkpoint), checkpoint, 'p.bin');
      expect(read).toEqual(given);
      expect([...read.steps.keys()]).toEqual([...given.steps.keys()]);
    }),
    { numRuns: 30 },
  );
});

describe('it refuses, by file and with the fix,', () => {
  const [given] = fc.sample(state, 1) as [PolicyState];
  const whole = writeSavedPolicy(given, checkpoint);

  test('a file cut off anywhere, or with any bit changed', () => {
    fc.assert(
      fc.property(
        fc.nat({ max: whole.length - 1 }),
        fc.boolean(),
        fc.nat({ max: 7 }),
        (at, isCut, bit) => {
          const wrong = isCut ? whole.slice(0, at) : whole.with(at, whole[at]! ^ (1 << bit));
          expect(() => readSavedPolicy(wrong, checkpoint, 'p.bin')).toThrow(
            /^p\.bin: is (damaged|no kept policy).*move it away/,
          );
        },
      ),
      { numRuns: 200 },
    );
  });

  test.each([
    ['name', { ...checkpoint, name: 'another' }],
    ['vocabulary', { ...checkpoint, tokenizer: new Tokenizer(['other ', 'words ']) }],
    ['shape', { ...checkpoint, weights: tinyWeights(1, { hidden: 16 }) }],
  ])('one of another %s', (what, other) => {
    expect(() => readSavedPolicy(whole, other, 'p.bin')).toThrow(
      new RegExp(`^p\\.bin keeps a policy of another ${what} .*Give another file`),
    );
  });
});
