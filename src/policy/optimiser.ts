import type { Weights } from './weights.ts';
import { createWeights } from './weights.ts';

export interface AdamOptions {
  readonly learningRate: number;
  /** Defaults 0.9, 0.999, 1e-8. */
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
}

/** Adam's running moments (Kingma and Ba, 2015). Immutable: a step makes the next ones. */
export interface AdamState {
  readonly step: number;
  readonly mean: Float64Array;
  readonly variance: Float64Array;
}

export function createAdamState(parameters: number): AdamState {
  return { step: 0, mean: new Float64Array(parameters), variance: new Float64Array(parameters) };
}

/** The weights and moments after one step down `gradient`; the old ones are left as they are. */
export function adamStep(
  weights: Weights,
  gradient: Float64Array,
  state: AdamState,
  options: AdamOptions,
): { readonly weights: Weights; readonly adam: AdamState } {
  const { learningRate, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = options;
  const step = state.step + 1;
  const mean = new Float64Array(gradient.length);
  const variance = new Float64Array(gradient.length);
  const meanScale = 1 / (1 - beta1 ** step);
  const varianceScale = 1 / (1 - beta2 ** step);
  const next = new Float64Array(weights.values.length);
  for (let i = 0; i < next.length; i++) {
    const g = gradient[i]!;
    const m = beta1 * state.mean[i]! + (1 - beta1) * g;
    const v = beta2 * state.variance[i]! + (1 - beta2) * g * g;
    mean[i] = m;
    variance[i] = v;
    next[i] =
      weights.values[i]! -
      (learningRate * m * meanScale) / (Math.sqrt(v * varianceScale) + epsilon);
  }
  return { weights: createWeights(weights.shape, next), adam: { step, mean, variance } };
}

/** The Euclidean norm of a gradient. */
export function normOf(gradient: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < gradient.length; i++) sum += gradient[i]! * gradient[i]!;
  return Math.sqrt(sum);
}

/** Scales `gradient` in place so that its norm is at most `maxNorm`. */
export function clipNorm(gradient: Float64Array, norm: number, maxNorm: number): void {
  if (norm <= maxNorm) return;
  const scale = maxNorm / norm;
  for (let i = 0; i < gradient.length; i++) gradient[i]! *= scale;
}
