import { invalidInput } from '../errors.ts';
import type { Distribution } from './distribution.ts';
import { logProbability, readDistribution } from './distribution.ts';
import type { Random } from './random.ts';

/** Which log probability a response reports. */
export type LogprobMode =
  /** Of the model's own distribution, before temperature and filters. */
  | 'raw'
  /** Of the distribution that was sampled from: after temperature, top-k and top-p. */
  | 'processed';

export interface Sampling {
  /** 0 is greedy; log probabilities are then raw in both modes. */
  readonly temperature: number;
  /** Keep the smallest set of tokens whose probability reaches this; 1 keeps all. */
  readonly topP: number;
  /** Keep this many of the likeliest tokens; 0 keeps all. */
  readonly topK: number;
  readonly logprobMode: LogprobMode;
}

export interface SampledToken {
  readonly id: number;
  readonly logprob: number;
}

/** @throws invalid_input with the field's name. */
export function checkSampling(sampling: Sampling): Sampling {
  const { temperature, topP, topK, logprobMode } = sampling;
  if (!(temperature >= 0 && temperature <= 100)) {
    throw invalidInput('temperature', `expected 0 to 100, got ${temperature}.`);
  }
  if (!(topP > 0 && topP <= 1))
    throw invalidInput('topP', `expected above 0 up to 1, got ${topP}.`);
  if (!(Number.isInteger(topK) && topK >= 0)) {
    throw invalidInput('topK', `expected a whole number, 0 for off, got ${topK}.`);
  }
  if (logprobMode !== 'raw' && logprobMode !== 'processed') {
    throw invalidInput('logprobMode', `expected raw or processed, got ${String(logprobMode)}.`);
  }
  return sampling;
}

/** Draws the next token from `logits`; `scratch` is overwritten. */
export function sampleToken(
  logits: Float64Array,
  sampling: Sampling,
  random: Random,
  scratch: Distribution,
): SampledToken {
  if (sampling.temperature === 0) {
    const id = argmax(logits);
    readDistribution(logits, 1, scratch);
    return { id, logprob: logProbability(logits, scratch, id) };
  }
  readDistribution(logits, sampling.temperature, scratch);
  const filtered = sampling.topP < 1 || (sampling.topK > 0 && sampling.topK < logits.length);
  const keptSum = filtered ? filterWeights(scratch, sampling) : scratch.sum;
  const id = draw(scratch.weights, keptSum * random.next());
  if (sampling.logprobMode === 'raw' && sampling.temperature !== 1) {
    readDistribution(logits, 1, scratch);
    return { id, logprob: logProbability(logits, scratch, id) };
  }
  const logprob = logProbability(logits, scratch, id);
  if (!filtered || sampling.logprobMode === 'raw') return { id, logprob };
  return { id, logprob: logprob + scratch.logSum - Math.log(keptSum) };
}

/** The `count` likeliest tokens with raw log probabilities, likeliest first. */
export function topTokens(
  logits: Float64Array,
  count: number,
  scratch: Distribution,
): SampledToken[] {
  readDistribution(logits, 1, scratch);
  return ranked(logits)
    .slice(0, count)
    .map((id) => ({ id, logprob: logProbability(logits, scratch, id) }));
}

/** Zeroes the weights that the filters drop; returns the sum of those kept. */
function filterWeights(distribution: Distribution, sampling: Sampling): number {
  const { weights } = distribution;
  const order = ranked(weights);
  const limit = sampling.topK > 0 ? Math.min(sampling.topK, order.length) : order.length;
  // As in vLLM, top-p is measured on what top-k left.
  let available = 0;
  for (let rank = 0; rank < limit; rank++) available += weights[order[rank]!]!;
  let kept = 0;
  let rank = 0;
  while (rank < limit && (rank === 0 || kept < sampling.topP * available)) {
    kept += weights[order[rank]!]!;
    rank += 1;
  }
  for (; rank < order.length; rank++) weights[order[rank]!] = 0;
  return kept;
}

function draw(weights: Float64Array, target: number): number {
  let left = target;
  let last = 0;
  for (let id = 0; id < weights.length; id++) {
    const weight = weights[id]!;
    if (weight === 0) continue;
    last = id;
    left -= weight;
    if (left < 0) return id;
  }
  // Rounding can leave a crumb past the end: the last possible token takes it.
  return last;
}

function argmax(logits: Float64Array): number {
  let best = 0;
  for (let id = 1; id < logits.length; id++) if (logits[id]! > logits[best]!) best = id;
  return best;
}

function ranked(scores: Float64Array): number[] {
  return Array.from(scores.keys()).sort((a, b) => scores[b]! - scores[a]! || a - b);
}
