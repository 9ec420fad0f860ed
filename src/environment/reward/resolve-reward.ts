import type { Outcome, RewardComponent, RolloutFailure } from '../../contract/index.ts';
import type { RewardValue } from '../environment.ts';

/**
 * What a reward function's answer means. A number that is not finite, or an answer of no known
 * shape, is the environment's mistake: the rollout has no reward then, and never 0.
 */
export function resolveReward(value: RewardValue): Outcome {
  if (typeof value === 'number') {
    return Number.isFinite(value)
      ? { kind: 'scored', reward: value, components: [] }
      : notScored('REWARD_NOT_FINITE', `The reward function returned ${value}.`);
  }
  if (typeof value === 'object' && value !== null && 'notScored' in value) {
    return notScored('REWARD_DECLINED', String(value.notScored));
  }
  if (typeof value === 'object' && value !== null && Array.isArray(value.components)) {
    return sumOf(value.components);
  }
  return notScored(
    'REWARD_SHAPE',
    `The reward function returned ${describe(value)}; a number, { components } or { notScored } is needed.`,
  );
}

type GivenComponent = Extract<RewardValue, { readonly components: unknown }>['components'][number];

function sumOf(given: readonly GivenComponent[]): Outcome {
  const components: RewardComponent[] = [];
  const names = new Set<string>();
  let reward = 0;
  for (const { name, value, weight = 1, range } of given) {
    if (names.has(name)) {
      return notScored('REWARD_COMPONENTS', `The reward has two components named \`${name}\`.`);
    }
    names.add(name);
    if (!Number.isFinite(value) || !Number.isFinite(weight)) {
      return notScored(
        'REWARD_NOT_FINITE',
        `The reward component \`${name}\` is ${value} with weight ${weight}.`,
      );
    }
    const problem = range === undefined ? undefined : rangeProblem(value, range);
    if (problem !== undefined) {
      return notScored('REWARD_OUT_OF_RANGE', `The reward component \`${name}\` ${problem}.`);
    }
    reward += value * weight;
    components.push({ name, value, weight });
  }
  return Number.isFinite(reward)
    ? { kind: 'scored', reward, components }
    : notScored('REWARD_NOT_FINITE', `The reward components add up to ${reward}.`);
}

function rangeProblem(value: number, range: readonly [number, number]): string | undefined {
  if (!Array.isArray(range) || range.length !== 2 || !(range[0] <= range[1])) {
    return `declares the range ${describe(range)}; [min, max] is needed`;
  }
  const [min, max] = range;
  return value >= min && value <= max
    ? undefined
    : `is ${value}, outside its declared range ${min} to ${max}`;
}

function notScored(reason: string, message: string): Outcome {
  const failure: RolloutFailure = { kind: 'environment_error', reason, message };
  return { kind: 'not_scored', failure };
}

function describe(value: unknown): string {
  return value === undefined ? 'nothing' : JSON.stringify(value).slice(0, 80);
}
