import { isDeepStrictEqual } from 'node:util';
import { Limiter } from '../../async/index.ts';
import type { Outcome, Task } from '../../contract/index.ts';
import type { HostedEnvironment } from '../../environment/index.ts';
import type { Answers } from '../play-script.ts';
import { type Check, checked, type Failure } from './check.ts';
import { checkGroupReward } from './check-group-reward.ts';
import { type PlayedAnswers, playAnswers } from './play-answers.ts';

/** Rollouts at a time: an environment may hold a sandbox for each. */
const CONCURRENCY = 8;
/** Useless for every task that asks for something. */
const NULL_ANSWER = 'I do not know.';

export interface RewardLimits {
  /** Least reward of a solution. */
  readonly solvedAt: number;
  /** Most reward of an agent that does nothing. */
  readonly nullMost: number;
}

/** Plays the sample with an agent that does nothing and with the tasks' own solutions. */
export async function checkRewards(
  environment: HostedEnvironment,
  sample: readonly Task[],
  limits: RewardLimits,
  signal: AbortSignal,
): Promise<readonly Check[]> {
  const { solution } = environment.definition;
  const idle = await playAll(environment, sample, () => NULL_ANSWER, signal);
  const solved = solution === undefined ? [] : await playAll(environment, sample, solution, signal);
  const all = [...idle, ...solved];
  return [
    checked(
      'null agent',
      rewardsText(idle),
      idle.flatMap((played) => idleFailure(played, limits)),
    ),
    solution === undefined
      ? {
          name: 'solutions',
          status: 'skipped',
          detail: 'the environment has no `solution`',
          failures: [],
        }
      : checked(
          'solutions',
          rewardsText(solved),
          solved.flatMap((played) => solutionFailure(played, limits)),
        ),
    checked(
      'same twice',
      `${all.filter(({ again }) => again !== undefined).length} transcripts scored twice`,
      all.flatMap(repeatFailure),
    ),
    ...(await checkGroupReward(environment, idle, solved, signal)),
  ];
}

async function playAll(
  environment: HostedEnvironment,
  sample: readonly Task[],
  answers: Answers,
  signal: AbortSignal,
): Promise<readonly PlayedAnswers[]> {
  const limiter = new Limiter(CONCURRENCY);
  const played = await Promise.all(
    sample.map(async (task) => {
      using _place = await limiter.acquire(signal);
      return await playAnswers(environment, task, answers, signal);
    }),
  );
  signal.throwIfAborted();
  return played;
}

function idleFailure({ task, outcome }: PlayedAnswers, { nullMost }: RewardLimits): Failure[] {
  const subject = `task ${task.key}`;
  if (outcome.kind === 'not_scored')
    return [{ subject, reason: notScored('doing nothing', outcome) }];
  if (outcome.reward <= nullMost) return [];
  const reason = `an agent that only says "${NULL_ANSWER}" earns ${outcome.reward}; at most ${nullMost} is sound`;
  return [{ subject, reason }];
}

function solutionFailure(played: PlayedAnswers, { solvedAt }: RewardLimits): Failure[] {
  const { task, outcome, answersThrew } = played;
  const subject = `task ${task.key}`;
  if (answersThrew !== undefined) {
    return [{ subject, reason: `its solution threw: ${answersThrew}` }];
  }
  if (outcome.kind === 'not_scored') {
    return [{ subject, reason: notScored('its solution', outcome) }];
  }
  if (outcome.reward >= solvedAt) return [];
  return [{ subject, reason: `its own solution earns ${outcome.reward}, under ${solvedAt}` }];
}

function repeatFailure({ task, outcome, again }: PlayedAnswers): Failure[] {
  // A failed reward is told by the other checks.
  if (again === undefined || outcome.kind === 'not_scored') return [];
  if (isDeepStrictEqual(outcome, again)) return [];
  const second = again.kind === 'scored' ? String(again.reward) : again.failure.message;
  const reason = `one transcript scored twice gives ${outcome.reward}, then ${second}`;
  return [{ subject: `task ${task.key}`, reason }];
}

function notScored(what: string, outcome: Extract<Outcome, { kind: 'not_scored' }>): string {
  return `${what} could not be scored: ${outcome.failure.message}`;
}

function rewardsText(all: readonly PlayedAnswers[]): string {
  const rewards = all.flatMap(({ outcome }) => (outcome.kind === 'scored' ? [outcome.reward] : []));
  if (rewards.length === 0) return 'none was scored';
  const mean = rewards.reduce((sum, reward) => sum + reward, 0) / rewards.length;
  const [least, most] = [Math.min(...rewards), Math.max(...rewards)];
  return `${rewards.length} scored: mean ${round(mean)}, from ${round(least)} to ${round(most)}`;
}

const round = (value: number): string => String(Number(value.toFixed(4)));
