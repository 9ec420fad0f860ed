import { createDistribution, logProbability, readDistribution } from './distribution.ts';
import { appendToken, createActivations, predict } from './forward.ts';
import { createSequenceState } from './sequence-state.ts';
import type { Weights } from './weights.ts';

/**
 * The log probability of every token given those before it; NaN for the first, which nothing
 * precedes. Pauses now and then, like `accumulateGradient`.
 */
export function* scoreTokens(
  weights: Weights,
  ids: Int32Array,
  temperature: number,
): Generator<void, Float32Array, void> {
  const { shape } = weights;
  const act = createActivations(shape);
  const from = createDistribution(shape.vocabularySize);
  const state = createSequenceState(shape, ids.length);
  const logprobs = new Float32Array(ids.length).fill(Number.NaN);
  for (let position = 0; position + 1 < ids.length; position++) {
    appendToken(weights, state, ids[position]!);
    predict(weights, state, position, act);
    readDistribution(act.logits, temperature, from);
    logprobs[position + 1] = logProbability(act.logits, from, ids[position + 1]!);
    if (position % 64 === 63) yield;
  }
  return logprobs;
}
