import type { DecodingScratch } from '../../src/policy/decoding.ts';
import { createDistribution } from '../../src/policy/distribution.ts';
import { createActivations } from '../../src/policy/forward.ts';
import { adamStep, createAdamState } from '../../src/policy/optimiser.ts';
import { createRandom, randomInt } from '../../src/policy/random.ts';
import type { Tokenizer } from '../../src/policy/tokenizer.ts';
import type { TrainRow } from '../../src/policy/train-row.ts';
import { accumulateGradient } from '../../src/policy/train-step.ts';
import type { Weights } from '../../src/policy/weights.ts';
import type { ShopEpisode } from './shop-episode.ts';
import { drawTask, playEpisode } from './shop-episode.ts';

export interface GrpoOptions {
  readonly seed: number;
  readonly maxSteps: number;
  /** Ends after this many steps in a row at 0.9 or more. */
  readonly stepsAtGoal: number;
  readonly prompts: number;
  readonly samples: number;
  readonly learningRate: number;
  /** A system message for every episode. Default none. */
  readonly system?: string;
}

export const grpoDefaults: Omit<GrpoOptions, 'seed'> = {
  maxSteps: 80,
  stepsAtGoal: 5,
  prompts: 16,
  samples: 8,
  learningRate: 3e-3,
};

export interface GrpoResult {
  readonly curve: number[];
  /** The first step at 0.9 or more, counted from 1; 0 when there was none. */
  readonly goalStep: number;
  readonly goalMs: number;
  readonly generationMs: number;
  readonly trainingMs: number;
  readonly sampledTokens: number;
  readonly sequenceTokens: number;
  readonly maxRatioDeviation: number;
  readonly weights: Weights;
}

/** GRPO on the shop, in process and on policy: what the quick start does over the wire. */
export function runGrpo(tokenizer: Tokenizer, base: Weights, options: GrpoOptions): GrpoResult {
  const random = createRandom(options.seed);
  const scratch = {
    act: createActivations(base.shape),
    distribution: createDistribution(base.shape.vocabularySize),
  };
  const adam = createAdamState(base.values.length);
  let weights = base;
  const curve: number[] = [];
  const total = { generationMs: 0, trainingMs: 0, sampledTokens: 0, sequenceTokens: 0 };
  let [goalStep, goalMs, atGoal, maxRatioDeviation] = [0, 0, 0, 0];
  while (curve.length < options.maxSteps && atGoal < options.stepsAtGoal) {
    const started = performance.now();
    const groups = Array.from({ length: options.prompts }, () => {
      const task = drawTask(random);
      return Array.from({ length: options.samples }, () =>
        playEpisode(task, {
          ...{ weights, tokenizer, scratch, temperature: 1 },
          ...(options.system === undefined ? {} : { system: options.system }),
          seed: randomInt(random, 2 ** 32),
        }),
      );
    });
    total.generationMs += performance.now() - started;
    const episodes = groups.flat();
    const rate = episodes.reduce((sum, { reward }) => sum + reward, 0) / episodes.length;
    curve.push(rate);
    atGoal = rate >= 0.9 ? atGoal + 1 : 0;
    const trainingStarted = performance.now();
    const rows = groups.flatMap(groupRows);
    const trained = rows.reduce((sum, row) => sum + row.logprobs!.length, 0);
    const gradient = new Float64Array(weights.values.length);
    const loss = { name: 'grpo', clipLow: 0.2, clipHigh: 0.28, temperature: 1 } as const;
    const work = accumulateGradient(weights, rows, trained, loss, gradient);
    let result = work.next();
    while (!result.done) result = work.next();
    weights = adamStep(weights, gradient, adam, { learningRate: options.learningRate });
    total.trainingMs += performance.now() - trainingStarted;
    total.sampledTokens += trained;
    for (const { ids } of episodes) total.sequenceTokens += ids.length;
    maxRatioDeviation = Math.max(maxRatioDeviation, result.value.maxRatioDeviation);
    if (rate >= 0.9 && goalStep === 0) {
      goalStep = curve.length;
      goalMs = total.generationMs + total.trainingMs;
    }
  }
  return { ...total, curve, goalStep, goalMs, maxRatioDeviation, weights };
}

/** Advantages normalised by the group's mean and standard deviation. */
export function groupRows(group: readonly ShopEpisode[]): TrainRow[] {
  const mean = group.reduce((sum, { reward }) => sum + reward, 0) / group.length;
  const variance = group.reduce((sum, { reward }) => sum + (reward - mean) ** 2, 0) / group.length;
  return group.map(({ ids, trained, logprobs, reward }) => ({
    tokenIds: Int32Array.from(ids),
    trained: Uint8Array.from(trained),
    logprobs: Float32Array.from(logprobs),
    advantage: variance === 0 ? 0 : (reward - mean) / Math.sqrt(variance),
  }));
}

/** The share of `episodes` fresh episodes that succeed. */
export function successRate(
  tokenizer: Tokenizer,
  weights: Weights,
  options: { readonly seed: number; readonly episodes: number; readonly temperature: number },
): number {
  const random = createRandom(options.seed);
  const scratch: DecodingScratch = {
    act: createActivations(weights.shape),
    distribution: createDistribution(weights.shape.vocabularySize),
  };
  let successes = 0;
  for (let i = 0; i < options.episodes; i++) {
    const task = drawTask(random);
    const { temperature } = options;
    const seed = randomInt(random, 2 ** 32);
    successes += playEpisode(task, { weights, tokenizer, scratch, temperature, seed }).reward;
  }
  return successes / options.episodes;
}
