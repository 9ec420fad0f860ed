import type { AgentResult } from '../../agent/index.ts';
import type { Outcome, RewardComponent, RolloutFailure } from '../../contract/index.ts';
import { clipText, errorMessage } from '../../errors.ts';
import type { RewardValue } from '../environment.ts';
import { turnMessageIndexes } from './turn-rewards.ts';

const SHAPES =
  "Return a finite number, { value }, { components: [{ name, value }] } or { notScored: 'why' }.";

/**
 * What a reward function's answer means. A number that is not finite, or an answer of no known
 * shape, is the environment's mistake: the rollout has no reward then, and never 0.
 */
export function resolveReward(
  value: RewardValue,
  result: Pick<AgentResult, 'messages' | 'turns'>,
): Outcome {
  if (typeof value === 'number') return totalOf(value);
  if (typeof value === 'object' && value !== null) {
    if ('notScored' in value) return notScored('REWARD_DECLINED', errorMessage(value.notScored));
    if ('components' in value && Array.isArray(value.components)) {
      return withTurnRewards(sumOf(value.components), value.turnRewards, result);
    }
    if ('value' in value && typeof value.value === 'number') {
      return withTurnRewards(totalOf(value.value), value.turnRewards, result);
    }
  }
  return notScored('REWARD_SHAPE', `The reward function returned ${describe(value)}.`, SHAPES);
}

/**
 * The numbers that a reward function's answer wants kept. One that is not finite is unknown: it is
 * left out, and `warn` is told.
 */
export function metricsOf(
  value: RewardValue,
  warn: (message: string) => void,
): Readonly<Record<string, number>> {
  const given = typeof value === 'object' && value !== null ? (value.metrics ?? {}) : {};
  const isKept = ([name, metric]: [string, unknown]): boolean => {
    if (Number.isFinite(metric)) return true;
    warn(`The metric \`${name}\` of the reward is ${describe(metric)}; it is left out.`);
    return false;
  };
  return Object.fromEntries(Object.entries(given).filter(isKept));
}

function totalOf(reward: number): Outcome {
  return Number.isFinite(reward)
    ? { kind: 'scored', reward, components: [] }
    : notScored('REWARD_NOT_FINITE', `The reward function returned ${reward}.`, SHAPES);
}

function withTurnRewards(
  outcome: Outcome,
  rewards: readonly number[] | undefined,
  result: Pick<AgentResult, 'messages' | 'turns'>,
): Outcome {
  if (outcome.kind !== 'scored' || rewards === undefined) return outcome;
  const indexes = turnMessageIndexes(result);
  if (!Array.isArray(rewards) || rewards.length !== indexes.length) {
    return notScored(
      'REWARD_TURNS',
      `The reward function gave ${describe(rewards)} as turnRewards of ${indexes.length} turns.`,
      'Give one number for each turn, as turnRewards() does.',
    );
  }
  const bad = rewards.findIndex((reward) => !Number.isFinite(reward));
  if (bad >= 0) {
    return notScored('REWARD_NOT_FINITE', `The reward of turn ${bad + 1} is ${rewards[bad]}.`);
  }
  if (rewards.length === 0) return outcome;
  const turnRewards = indexes.map((messageIndex, turn) => ({
    messageIndex,
    value: rewards[turn] as number,
  }));
  return { ...outcome, turnRewards };
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
    if (text !== undefined) return clipText(text, 80);
  } catch {
    // A bigint, or an object in a circle.
  }
  return clipText(`${typeof value} ${errorMessage(value)}`, 80);
}
