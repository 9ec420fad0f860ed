import { inspect, isDeepStrictEqual } from 'node:util';
import { Limiter, startDeadline, untilAborted } from '../../async/index.ts';
import { type Rollout, rolloutIdOf } from '../../contract/index.ts';
import type { EnvironmentDefinition, HostedEnvironment } from '../../environment/index.ts';
import { errorMessage } from '../../errors.ts';
import { type Check, checked, type Failure } from './check.ts';
import type { PlayedAnswers } from './play-answers.ts';

/** At a time: it may ask a judge. */
const CONCURRENCY = 8;
const DEFAULT_TIMEOUT_MS = 60_000;

type GroupReward = NonNullable<EnvironmentDefinition['groupReward']>;

/** A group that the environment is asked to compare, each rollout with who played it. */
interface Contest {
  readonly subject: string;
  readonly players: readonly string[];
  readonly rollouts: readonly Rollout[];
}

/**
 * Lets `groupReward` compare the agent that does nothing with the task's solution (without one, with
 * another that does nothing), twice. None where the environment has no such reward.
 */
export async function checkGroupReward(
  { definition }: HostedEnvironment,
  idle: readonly PlayedAnswers[],
  solved: readonly PlayedAnswers[],
  signal: AbortSignal,
): Promise<readonly Check[]> {
  const { groupReward, rewardTimeoutMs = DEFAULT_TIMEOUT_MS } = definition;
  if (groupReward === undefined) return [];
  const contests = idle.flatMap((played, i) => contestOf(played, solved[i]));
  const limiter = new Limiter(CONCURRENCY);
  const failures = await Promise.all(
    contests.map(async (contest): Promise<Failure[]> => {
      using _place = await limiter.acquire(signal);
      const reason = await problemOf(groupReward, contest, rewardTimeoutMs, signal);
      return reason === undefined ? [] : [{ subject: contest.subject, reason }];
    }),
  );
  signal.throwIfAborted();
  return [checked('group reward', `${contests.length} groups scored twice`, failures.flat())];
}

/**
 * As a group is given to it: only what was scored, in index order. The worse one goes first, so that
 * rewards that were sorted show.
 */
function contestOf(idle: PlayedAnswers, solved: PlayedAnswers | undefined): Contest[] {
  const groupId = `validate.${idle.task.key}`;
  // A solution that threw said nothing.
  const isLost = solved?.answersThrew !== undefined;
  const entries = [
    { player: 'an agent that does nothing', rollout: idle.rollout },
    solved === undefined || isLost
      ? { player: 'another that does nothing', rollout: idle.rollout }
      : { player: 'its own solution', rollout: solved.rollout },
  ].filter(({ rollout }) => rollout.outcome.kind === 'scored');
  // Told by the other checks.
  if (entries.length === 0) return [];
  return [
    {
      subject: `task ${idle.task.key}`,
      players: entries.map(({ player }) => player),
      rollouts: entries.map(({ rollout }, index) => {
        return { ...rollout, id: rolloutIdOf(groupId, index), groupId, index };
      }),
    },
  ];
}

async function problemOf(
  groupReward: GroupReward,
  { players, rollouts }: Contest,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  const ask = async (): Promise<readonly number[]> => {
    using deadline = startDeadline({
      timeoutMs,
      reason: () => new Error(`it took longer than ${timeoutMs} ms`),
      signal,
    });
    // Copies, so that what it does to one group is not in the other.
    const group = structuredClone(rollouts) as readonly Rollout[];
    return await untilAborted((async () => groupReward(group))(), deadline);
  };
  let rewards: readonly number[];
  let again: readonly number[];
  try {
    rewards = await ask();
    again = await ask();
  } catch (error) {
    return `groupReward failed: ${errorMessage(error)}`;
  }
  // Types are stripped, not checked, so it can return anything.
  if (!Array.isArray(rewards)) return `groupReward gave ${describe(rewards)}, which is no list`;
  if (rewards.length !== rollouts.length) {
    return `groupReward gave ${rewards.length} rewards for ${rollouts.length} rollouts`;
  }
  const bad = rewards.findIndex((reward) => !Number.isFinite(reward));
  if (bad >= 0) return `groupReward gave ${describe(rewards[bad])} to ${players[bad]}`;
  if (!isDeepStrictEqual(rewards, again)) {
    return `one group scored twice gives ${describe(rewards)}, then ${describe(again)}`;
  }
  const [nothing = 0, solution = nothing] = rewards;
  if (solution >= nothing || players[1] !== 'its own solution') return undefined;
  return `groupReward gives its own solution ${solution}, under the ${nothing} of an agent that does nothing`;
}

function describe(value: unknown): string {
  return inspect(value, { breakLength: Infinity }).slice(0, 80);
}
