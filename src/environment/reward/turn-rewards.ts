import type { AgentResult } from '../../agent/index.ts';
import { invalidInput } from '../../errors.ts';
import type { AssistantMessage, Message, ToolMessage } from '../../messages.ts';
import { meanOf } from './advantages.ts';
import { discountedReturns } from './returns.ts';

/** One turn of a conversation: what the model said, and what its calls brought. */
export interface PlayedTurn {
  /** From 1. */
  readonly index: number;
  readonly message: AssistantMessage;
  readonly toolResults: readonly ToolMessage[];
}

export interface TurnRewards {
  /** By turn; a turn that was given none has 0. */
  readonly rewards: readonly number[];
  /** By turn: its own and what came of it, discounted. */
  readonly returns: readonly number[];
  /** Of all turns, as `combine` says; 0 without a turn. The reward, or a component of it. */
  readonly value: number;
}

/** Splits a finished conversation into its turns; an opening conversation's own are none. */
export function turnsOf(result: Pick<AgentResult, 'messages' | 'turns'>): PlayedTurn[] {
  const all: { message: AssistantMessage; toolResults: ToolMessage[] }[] = [];
  for (const message of result.messages as readonly Message[]) {
    if (message.role === 'assistant') all.push({ message, toolResults: [] });
    else if (message.role === 'tool') all.at(-1)?.toolResults.push(message);
  }
  // Turns are counted from the end, since an opening conversation may hold answers too.
  return all
    .slice(Math.max(0, all.length - result.turns.length))
    .map((turn, place) => ({ ...turn, index: place + 1 }));
}

/** Where in the transcript each turn's assistant message stands, in turn order. */
export function turnMessageIndexes({
  messages,
  turns,
}: Pick<AgentResult, 'messages' | 'turns'>): readonly number[] {
  const all = messages.flatMap(({ role }, index) => (role === 'assistant' ? [index] : []));
  // Counted from the end, since an opening conversation may hold answers too.
  return all.slice(Math.max(0, all.length - turns.length));
}

/**
 * Scores a rollout turn by turn: `score` gives each turn's reward, undefined for none. Its `value` is
 * the sum, the mean, or the first turn's discounted return. A reward function answers it as
 * `{ value, turnRewards: rewards }`.
 */
export function turnRewards(
  result: Pick<AgentResult, 'messages' | 'turns'>,
  score: (turn: PlayedTurn) => number | undefined,
  options: { readonly discount?: number; readonly combine?: 'sum' | 'mean' | 'discounted' } = {},
): TurnRewards {
  const { discount = 1, combine = 'sum' } = options;
  const rewards = turnsOf(result).map((turn) => {
    const reward = score(turn) ?? 0;
    if (Number.isFinite(reward)) return reward;
    throw invalidInput(`turn ${turn.index}`, `was given the reward ${reward}.`);
  });
  const returns = discountedReturns(rewards, discount);
  const sum = rewards.reduce((total, reward) => total + reward, 0);
  const mean = rewards.length === 0 ? 0 : meanOf(rewards);
  const value = { sum, mean, discounted: returns[0] ?? 0 }[combine];
  return Object.freeze({ rewards, returns, value });
}
