import type { Checkpoint, TrainRow } from '../../src/policy/index.ts';
import { createEmbeddedPolicy, createRandom, randomInt } from '../../src/policy/index.ts';
import type { ShopEpisode } from './shop-episode.ts';
import { drawTask, playEpisode } from './shop-episode.ts';

export interface GrpoOptions {
  readonly seed: number;
  /** Default 80. */
  readonly maxSteps?: number;
  /** Ends after this many steps in a row at 0.9 or more. Default 5. */
  readonly stepsAtGoal?: number;
  /** False measures every step and applies none. Default true. */
  readonly updatesEnabled?: boolean;
  /** A system message for every episode. Default none. */
  readonly system?: string;
}

export interface GrpoResult {
  /** Sampled success per step, before its update. */
  readonly curve: number[];
  /** The first step at 0.9 or more, counted from 1; 0 when there was none. */
  readonly goalStep: number;
  readonly goalMs: number;
  readonly generationMs: number;
  readonly trainingMs: number;
  readonly sampledTokens: number;
  readonly sequenceTokens: number;
  readonly maxRatioDeviation: number;
  readonly version: number;
  /** Success on fresh episodes after training. */
  readonly after: number;
}

const groupsPerStep = 16;
const samplesPerGroup = 8;

/** GRPO on the shop, in process and on policy: what the quick start does over the wire. */
export async function runGrpo(checkpoint: Checkpoint, options: GrpoOptions): Promise<GrpoResult> {
  const { maxSteps = 80, stepsAtGoal = 5, updatesEnabled = true } = options;
  using policy = createEmbeddedPolicy({
    ...{ checkpoint, updatesEnabled },
    scheduler: { maxActive: groupsPerStep * samplesPerGroup },
  });
  const random = createRandom(options.seed);
  const system = options.system === undefined ? {} : { system: options.system };
  const curve: number[] = [];
  const total = { generationMs: 0, trainingMs: 0, sampledTokens: 0, sequenceTokens: 0 };
  let [goalStep, goalMs, atGoal, maxRatioDeviation] = [0, 0, 0, 0];
  while (curve.length < maxSteps && atGoal < stepsAtGoal) {
    const started = performance.now();
    const tasks = Array.from({ length: groupsPerStep }, () => drawTask(random));
    const groups = await Promise.all(
      tasks.map((task) => {
        const seeds = Array.from({ length: samplesPerGroup }, () => randomInt(random, 2 ** 40));
        const play = (seed: number) =>
          playEpisode(policy, task, { temperature: 1, seed, ...system });
        return Promise.all(seeds.map(play));
      }),
    );
    const played = performance.now();
    const result = await policy.trainStep(groups.flatMap(groupRows), { learningRate: 3e-3 });
    total.generationMs += played - started;
    total.trainingMs += performance.now() - played;
    total.sampledTokens += result.trainedTokens;
    const episodes = groups.flat();
    for (const { tokenIds } of episodes) total.sequenceTokens += tokenIds.length;
    maxRatioDeviation = Math.max(maxRatioDeviation, result.maxRatioDeviation);
    const rate = episodes.reduce((sum, { reward }) => sum + reward, 0) / episodes.length;
    curve.push(rate);
    atGoal = rate >= 0.9 ? atGoal + 1 : 0;
    if (rate >= 0.9 && goalStep === 0) {
      goalStep = curve.length;
      goalMs = total.generationMs + total.trainingMs;
    }
  }
  const { bytes, version } = policy.getWeights();
  using trained = createEmbeddedPolicy({ checkpoint });
  if (version > 0) await trained.updateWeights(bytes, version);
  const after = await successRate(trained, { seed: 7700 + options.seed, episodes: 300, ...system });
  return { ...total, curve, goalStep, goalMs, maxRatioDeviation, version, after };
}

/** Advantages normalised by the group's mean and standard deviation. */
export function groupRows(group: readonly ShopEpisode[]): TrainRow[] {
  const mean = group.reduce((sum, { reward }) => sum + reward, 0) / group.length;
  const variance = group.reduce((sum, { reward }) => sum + (reward - mean) ** 2, 0) / group.length;
  return group.map(({ reward, ...row }) => ({
    ...row,
    advantage: variance === 0 ? 0 : (reward - mean) / Math.sqrt(variance),
  }));
}

/** The share of `episodes` fresh episodes that succeed. */
export async function successRate(
  policy: ReturnType<typeof createEmbeddedPolicy>,
  options: {
    readonly seed: number;
    readonly episodes: number;
    readonly temperature?: number;
    readonly system?: string;
  },
): Promise<number> {
  const { seed, episodes, temperature = 1 } = options;
  const random = createRandom(seed);
  const system = options.system === undefined ? {} : { system: options.system };
  const plays = Array.from({ length: episodes }, () =>
    playEpisode(policy, drawTask(random), {
      ...{ temperature, seed: randomInt(random, 2 ** 40) },
      ...system,
    }),
  );
  const rewards = (await Promise.all(plays)).map(({ reward }) => reward);
  return rewards.reduce((sum, reward) => sum + reward, 0) / episodes;
}
