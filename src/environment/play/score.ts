import type { AgentResult } from '../../agent/index.ts';
import type { Outcome, RolloutFailure, Task } from '../../contract/index.ts';
import { textOf } from '../../messages.ts';
import type { SandboxSpec } from '../../sandbox/index.ts';
import type { HostedEnvironment } from '../environment.ts';
import { resolveReward } from '../reward/resolve-reward.ts';
import { metricsOf } from '../reward/reward-metrics.ts';
import type { EpisodeSandboxes } from './episode-sandboxes.ts';
import { ENDED_BY_TENANT, failureIn, failureOfGone, failureOfResult } from './failure.ts';
import { callHook, partDeadline } from './hooks.ts';
import type { PlayOptions } from './options.ts';
import { rewardTimeoutOf } from './reward-timeout.ts';

/** What became of a rollout, with the numbers that its reward wants kept. */
export interface Scored {
  readonly outcome: Outcome;
  readonly metrics: Readonly<Record<string, number>>;
}

/**
 * Scores a played rollout: typed as a failure when its agent failed, else by the environment's
 * reward function under its own deadline. `signal` is the rollout's outer one, since the time that
 * the agent was allowed is over when the agent ends.
 */
export async function score(
  environment: HostedEnvironment,
  episode: {
    readonly task: Task;
    readonly state: unknown;
    readonly result: AgentResult;
    readonly sandboxes: EpisodeSandboxes;
  },
  agentSignal: AbortSignal,
  { onWarning = () => {}, signal }: Pick<PlayOptions, 'onWarning' | 'signal'>,
): Promise<Scored> {
  const { definition, settings } = environment;
  const { task, state, result, sandboxes } = episode;
  const { gone } = sandboxes;
  const lost = (failure: RolloutFailure): Scored => {
    const worth = definition.failedRollouts?.endedSandboxReward;
    return failure.reason === ENDED_BY_TENANT && worth !== undefined
      ? { outcome: resolveReward(worth, result), metrics: {} }
      : withoutMetrics(failure);
  };
  const ended = failureOfResult(result, agentSignal);
  const isOurs = ended?.kind === 'cancelled' || ended?.kind === 'deadline_exceeded';
  const failed = gone === undefined || isOurs ? ended : failureOfGone(gone);
  if (failed !== undefined) return lost(failed);
  const timeoutMs = rewardTimeoutOf(definition);
  using deadline = partDeadline({
    name: 'The reward function',
    reason: 'REWARD_TIMEOUT',
    timeoutMs,
    remedy: "If it needs longer, raise the environment's rewardTimeoutMs.",
    signal,
  });
  try {
    const finalText = finalTextOf(result);
    const context = {
      ...{ task, state, settings, result, finalText, sandbox: sandboxes.own },
      openSandbox: (spec?: SandboxSpec) => sandboxes.openFresh(spec, deadline.signal),
      signal: deadline.signal,
    };
    const value = await callHook(() => definition.reward(context), deadline);
    if (sandboxes.gone !== undefined) return lost(failureOfGone(sandboxes.gone));
    return { outcome: resolveReward(value, result), metrics: metricsOf(value, onWarning) };
  } catch (error) {
    if (sandboxes.gone !== undefined && !signal.aborted) {
      return lost(failureOfGone(sandboxes.gone));
    }
    const failure = failureIn('reward', error, deadline.signal);
    // The reward's own deadline is its author's matter; the rollout's is its caller's.
    return signal.aborted || failure.kind !== 'deadline_exceeded'
      ? withoutMetrics(failure)
      : withoutMetrics({ ...failure, kind: 'environment_error' });
  }
}

function withoutMetrics(failure: RolloutFailure): Scored {
  return { outcome: { kind: 'not_scored', failure }, metrics: {} };
}

/** The text of the last assistant message; empty when there is none. */
export function finalTextOf(result: AgentResult): string {
  const last = result.messages.findLast(({ role }) => role === 'assistant');
  return last === undefined ? '' : textOf(last);
}
