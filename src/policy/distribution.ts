/** A categorical distribution over the vocabulary, read from logits at a temperature. */
export interface Distribution {
  /** `exp((logit - max) / temperature)`, unnormalised. */
  readonly weights: Float64Array;
  max: number;
  sum: number;
  logSum: number;
  temperature: number;
}

export function createDistribution(vocabularySize: number): Distribution {
  const weights = new Float64Array(vocabularySize);
  return { weights, max: 0, sum: 0, logSum: 0, temperature: 1 };
}

/** Fills `out` from `logits`; `temperature` is above zero. */
export function readDistribution(
  logits: Float64Array,
  temperature: number,
  out: Distribution,
): void {
  const { weights } = out;
  let max = -Infinity;
  for (let i = 0; i < logits.length; i++) if (logits[i]! > max) max = logits[i]!;
  let sum = 0;
  for (let i = 0; i < logits.length; i++) {
    const weight = Math.exp((logits[i]! - max) / temperature);
    weights[i] = weight;
    sum += weight;
  }
  out.max = max;
  out.sum = sum;
  out.logSum = Math.log(sum);
  out.temperature = temperature;
}

/** The log probability of `id` under the distribution last read from `logits`. */
export function logProbability(logits: Float64Array, from: Distribution, id: number): number {
  return (logits[id]! - from.max) / from.temperature - from.logSum;
}
