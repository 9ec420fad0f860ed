import type { Outcome, RewardComponent, RolloutFailure } from '../../contract/index.ts';
import { errorMessage } from '../../errors.ts';
import type { RewardValue } from '../environment.ts';

const SHAPES = "Return a finite number, { components: [{ name, value }] } or { notScored: 'why' }.";

/**
 * What a reward function's answer means. A number that is not finite, or an answer of no known
 * shape, is the environment's mistake: the rollout has no reward then, and never 0.
 */
export function resolveReward(value: RewardValue): Outcome {
  if (typeof value === 'number') {
    return Number.isFinite(value)
      ? { kind: 'scored', reward: value, components: [] }
      : notScored('REWARD_NOT_FINITE', `The reward function returned ${value}.`, SHAPES);
  }
  if (typeof value === 'object' && value !== null && 'notScored' in value) {
    return notScored('REWARD_DECLINED', errorMessage(value.notScored));
  }
  if (typeof value === 'object' && value !== null && Array.isArray(value.components)) {
    return sumOf(value.components);
  }
  return notScored('REWARD_SHAPE', `The reward function returned ${describe(value)}.`, SHAPES);
}

type GivenComponent = Extract<RewardValue, { readonly components: unknown }>['components'][number];

function sumOf(given: readonly GivenComponent[]): Outcome {
  const components: RewardComponent[] = [];
  const names = new Set<string>();
  let reward = 0;
  for (const component of given) {
    // Types are stripped, not checked, so an environment can return anything.
    if (typeof component?.name !== 'string') {
      const shown = describe(component);
      return notScored('REWARD_SHAPE', `A component of the reward is ${shown}.`, SHAPES);
    }
    const { name, value, weight = 1, range } = component;
    if (names.has(name)) {
      return notScored('REWARD_COMPONENTS', `The reward has two components named \`${name}\`.`);
    }
    names.add(name);
    if (!Number.isFinite(value) || !Number.isFinite(weight)) {
      return notScored(
        'REWARD_NOT_FINITE',
        `The reward component \`${name}\` is ${describe(value)} with weight ${describe(weight)}.`,
        'Both must be finite numbers.',
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

function notScored(reason: string, message: string, remedy?: string): Outcome {
  const failure: RolloutFailure =
    remedy === undefined
      ? { kind: 'environment_error', reason, message }
      : { kind: 'environment_error', reason, message: `${message} ${remedy}`, remedy };
  return { kind: 'not_scored', failure };
}

/** In a few words, of anything, also of what JSON has no text for. */
function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'number') return String(value);
  try {
    const text = JSON.stringify(value);
    if (text !== undefined) return text.slice(0, 80);
  } catch {
    // A bigint, or an object in a circle.
  }
  return `${typeof value} ${errorMessage(value)}`.slice(0, 80);
}
