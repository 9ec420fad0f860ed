import type { Weights } from './weights.ts';
import { createWeights } from './weights.ts';

export interface AdamOptions {
  readonly learningRate: number;
  /** Defaults 0.9, 0.999, 1e-8. */
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
}

/** Adam's running moments (Kingma and Ba, 2015). Owned by one policy. */
export interface AdamState {
  step: number;
  readonly mean: Float64Array;
  readonly variance: Float64Array;
}

export function createAdamState(parameters: number): AdamState {
  return { step: 0, mean: new Float64Array(parameters), variance: new Float64Array(parameters) };
}

/** The weights after one step down `gradient`; the old ones are left as they are. */
export function adamStep(
  weights: Weights,
  gradient: Float64Array,
  state: AdamState,
  options: AdamOptions,
): Weights {
  const { learningRate, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = options;
  const { mean, variance } = state;
  state.step += 1;
  const meanScale = 1 / (1 - beta1 ** state.step);
  const varianceScale = 1 / (1 - beta2 ** state.step);
  const next = new Float64Array(weights.values.length);
  for (let i = 0; i < next.length; i++) {
    const g = gradient[i]!;
    const m = beta1 * mean[i]! + (1 - beta1) * g;
    const v = beta2 * variance[i]! + (1 - beta2) * g * g;
    mean[i] = m;
    variance[i] = v;
    next[i] =
      weights.values[i]! -
      (learningRate * m * meanScale) / (Math.sqrt(v * varianceScale) + epsilon);
  }
  return createWeights(weights.shape, next);
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
