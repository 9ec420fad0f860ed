import type { LeftOut } from './left-out.ts';
import type { ReadRollout } from './read-rollouts.ts';
import type { ToolColumns } from './tool-columns.ts';

/** Turns rollouts into the lines of a JSONL file, without their breaks, as they come. */
export type LineFormat = (
  rollouts: AsyncIterable<ReadRollout>,
  options: ExportOptions,
) => AsyncIterable<string>;

export interface ExportOptions {
  /** Rollouts under it are left out; of a pair, it is the least reward of the chosen one. */
  readonly minReward: number | undefined;
  readonly leftOut: LeftOut;
  /** Undefined where no `tools` column is asked for. */
  readonly tools: ToolColumns | undefined;
}

/** The reward of a scored rollout at or over `minReward`; counts the others as left out. */
export function admittedReward(
  { rollout }: ReadRollout,
  { minReward = Number.NEGATIVE_INFINITY, leftOut }: ExportOptions,
): number | undefined {
  const { outcome } = rollout;
  if (outcome.kind === 'not_scored') {
    leftOut.add(`not scored (${outcome.failure.kind})`);
    return undefined;
  }
  if (outcome.reward >= minReward) return outcome.reward;
  leftOut.add('under --min-reward');
  return undefined;
}

/** Whether a model said anything that could be learned from; counts it as left out when not. */
export function hasAnswer({ rollout }: ReadRollout, { leftOut }: ExportOptions): boolean {
  const answered = rollout.result.messages.some(({ role }) => role === 'assistant');
  if (!answered) leftOut.add('without an answer');
  return answered;
}
