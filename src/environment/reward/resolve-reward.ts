import type { AgentResult } from '../../agent/index.ts';
import type { Outcome, RewardComponent, RolloutFailure } from '../../contract/index.ts';
import { clipText } from '../../errors.ts';
import type { RewardNotes, RewardValue } from '../environment.ts';
import { describeValue } from './describe-value.ts';
import { turnMessageIndexes } from './turn-rewards.ts';

const SHAPES =
  "Return a finite number, { value }, { components: [{ name, value }] } or { notScored: 'why' }.";

const NEEDS_REASON = 'Say why in a text, or leave notScored out.';
const KNOWN = ['value', 'components', 'notScored', 'turnRewards', 'metrics'];
const KNOWN_OF_COMPONENT = ['name', 'value', 'weight', 'range'];

/**
 * What a reward function's answer means. A number that is not finite, or an answer of no known
 * shape, is the environment's mistake: the rollout has no reward then, and never 0.
 */
export function resolveReward(
  answer: RewardValue,
  result: Pick<AgentResult, 'messages' | 'turns'>,
): Outcome {
  if (typeof answer === 'number') return totalOf(answer);
  if (typeof answer !== 'object' || answer === null) return shapeless(answer);
  const unknown = Object.keys(answer).find((key) => !KNOWN.includes(key));
  if (unknown !== undefined) return unknownKey('A reward', unknown, KNOWN);
  // Types are stripped, not checked: any of them may be there, and be anything.
  const given = answer as { readonly [Key in 'value' | 'components' | 'notScored']?: unknown };
  const { value, components, notScored: why } = given;
  if (why !== undefined) {
    return typeof why === 'string' && why.trim() !== ''
      ? notScored('REWARD_DECLINED', why)
      : notScored('REWARD_SHAPE', `The reward's notScored is ${describeValue(why)}.`, NEEDS_REASON);
  }
  if (value !== undefined && components !== undefined) {
    const both = 'The reward function returned a value and components.';
    return notScored('REWARD_SHAPE', both, 'Give one of the two; components add up by themselves.');
  }
  const { turnRewards } = answer as RewardNotes;
  if (Array.isArray(components)) return withTurnRewards(sumOf(components), turnRewards, result);
  if (typeof value === 'number') return withTurnRewards(totalOf(value), turnRewards, result);
  return shapeless(answer);
}

function shapeless(answer: unknown): Outcome {
  return notScored(
    'REWARD_SHAPE',
    `The reward function returned ${describeValue(answer)}.`,
    SHAPES,
  );
}

function unknownKey(what: string, key: string, known: readonly string[]): Outcome {
  const shown = clipText(key, 80);
  return notScored(
    'REWARD_SHAPE',
    `${what} has no \`${shown}\`.`,
    `It may have: ${known.join(', ')}.`,
  );
}

function totalOf(reward: number): Outcome {
  return Number.isFinite(reward)
    ? { kind: 'scored', reward, components: [] }
    : notScored('REWARD_NOT_FINITE', `The reward function returned ${reward}.`, SHAPES);
}

function withTurnRewards(
  outcome: Outcome,
  rewards: unknown,
  result: Pick<AgentResult, 'messages' | 'turns'>,
): Outcome {
  if (outcome.kind !== 'scored' || rewards === undefined) return outcome;
  const indexes = turnMessageIndexes(result);
  if (!isArrayLike(rewards) || rewards.length !== indexes.length) {
    return notScored(
      'REWARD_TURNS',
      `The reward function gave ${describeValue(rewards)} as turnRewards of ${indexes.length} turns.`,
      'Give one number for each turn, as turnRewards() does.',
    );
  }
  // Not by its own methods, which a typed array or a list of another realm has otherwise or not.
  const given: unknown[] = Array.from(rewards);
  const bad = given.findIndex((reward) => !Number.isFinite(reward));
  if (bad >= 0) {
    return notScored(
      'REWARD_NOT_FINITE',
      `The reward of turn ${bad + 1} is ${describeValue(given[bad])}.`,
      'Each must be a finite number.',
    );
  }
  if (given.length === 0) return outcome;
  const turnRewards = indexes.map((messageIndex, turn) => ({
    messageIndex,
    value: given[turn] as number,
  }));
  return { ...outcome, turnRewards };
}

/** Lists and typed arrays, but no text. */
function isArrayLike(value: unknown): value is ArrayLike<unknown> {
  return typeof value === 'object' && value !== null && 'length' in value;
}

type GivenComponent = Extract<RewardValue, { readonly components: unknown }>['components'][number];

function sumOf(given: readonly GivenComponent[]): Outcome {
  const components: RewardComponent[] = [];
  const names = new Set<string>();
  let reward = 0;
  for (const component of given) {
    // Types are stripped, not checked, so an environment can return anything.
    if (typeof component?.name !== 'string') {
      const shown = describeValue(component);
      return notScored('REWARD_SHAPE', `A component of the reward is ${shown}.`, SHAPES);
    }
    const unknown = Object.keys(component).find((key) => !KNOWN_OF_COMPONENT.includes(key));
    if (unknown !== undefined) {
      return unknownKey(`The reward component \`${component.name}\``, unknown, KNOWN_OF_COMPONENT);
    }
    const { name, value, weight = 1, range } = component;
    if (names.has(name)) {
      return notScored('REWARD_COMPONENTS', `The reward has two components named \`${name}\`.`);
    }
    names.add(name);
    if (!Number.isFinite(value) || !Number.isFinite(weight)) {
      return notScored(
        'REWARD_NOT_FINITE',
        `The reward component \`${name}\` is ${describeValue(value)} with weight ${describeValue(weight)}.`,
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
    return `declares the range ${describeValue(range)}; [min, max] is needed`;
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
