import { Limiter } from '../../async/index.ts';
import type { Group, Outcome, Rollout, Task } from '../../contract/index.ts';
import { NO_RUN_POLICY, rolloutIdOf } from '../../contract/index.ts';
import type { EnvironmentDefinition } from '../environment.ts';
import { failedRollout } from './attempt.ts';
import { backlogOf } from './backlog.ts';
import { isWorthRetry, retryIdOf, withQuorum } from './failed-rollouts.ts';
import { failureIn } from './failure.ts';
import { callHook, partDeadline } from './hooks.ts';
import type { PlayOptions, RolloutIdentity } from './options.ts';
import { attempt, finish, sayStarted, watchedOptions } from './play-rollout.ts';

export interface PlayGroupOptions extends PlayOptions {
  readonly groupId: string;
  readonly task: Task;
  /** At least 1. */
  readonly groupSize: number;
  /** From 1: an assignment that is played again gives its rollouts new ids. Default: 1. */
  readonly attempt?: number;
  /** Shared with other groups where rollouts in flight are bounded over all. Default: no bound. */
  readonly limiter?: Limiter;
  /** Told once of the tasks that the environment's `backlog` gave, if any, before the group resolves. */
  readonly onBacklog?: (tasks: readonly Task[]) => void;
  /** Cancels one rollout and leaves the others. */
  readonly rolloutSignal?: (rolloutId: string) => AbortSignal | undefined;
}

/**
 * Plays the rollouts of a group at the same time, within the limiter's bound, and lets the
 * environment's `groupReward` compare them. It never rejects: the group has one rollout per index,
 * each with one `started` and one `finished`, also when it was cancelled before it began. A failed
 * rollout that is played again has its own ending too, and the last attempt is the one in the group.
 */
export async function playGroup(options: PlayGroupOptions): Promise<Group> {
  const watched = watchedOptions(options);
  const { groupId, task, groupSize, limiter = new Limiter(groupSize) } = watched;
  const { groupReward, failedRollouts = {} } = watched.environment.definition;
  // What the whole group may still change has not finished.
  const isJudgedTogether = groupReward !== undefined || (failedRollouts.quorum ?? 0) > 0;
  const indices = Array.from({ length: groupSize }, (_, index) => index);
  const attempts = await Promise.all(
    indices.map(async (index) => {
      const rolloutId = rolloutIdOf(groupId, index, options.attempt);
      const identity = { rolloutId, groupId, index, task };
      const rollout = await attemptWithin(limiter, watched, identity);
      return isJudgedTogether ? rollout : finish(watched, rollout);
    }),
  );
  const rollouts = isJudgedTogether
    ? (await judgedTogether(watched, attempts)).map((rollout) => finish(watched, rollout))
    : attempts;
  if (watched.onBacklog !== undefined) {
    const tasks = await backlogOf(watched, task, rollouts);
    if (tasks.length > 0) watched.onBacklog(tasks);
  }
  return {
    id: groupId,
    runId: options.runId ?? '',
    environment: watched.environment.name,
    taskKey: task.key,
    rollouts,
    trainingPolicy: (options.policy ?? NO_RUN_POLICY).trainingPolicy,
  };
}

async function attemptWithin(
  limiter: Limiter,
  options: PlayGroupOptions,
  identity: RolloutIdentity,
): Promise<Rollout> {
  const signal = signalOf(options, identity);
  try {
    using _place = await limiter.acquire(signal);
    sayStarted(options, identity);
    const rollout = await attempt({ ...options, signal }, identity);
    return await playedAgain(options, identity, rollout);
  } catch (error) {
    // Only a wait that was cancelled comes here; the rollout was dispatched, so it ends like any other.
    sayStarted(options, identity);
    return failedRollout(options, identity, error, signal);
  }
}

function signalOf(options: PlayGroupOptions, { rolloutId }: RolloutIdentity): AbortSignal {
  const own = options.rolloutSignal?.(rolloutId);
  return own === undefined ? options.signal : AbortSignal.any([options.signal, own]);
}

/** The rollout, or the last of those that were played in place of it because it failed. */
async function playedAgain(
  options: PlayGroupOptions,
  identity: RolloutIdentity,
  first: Rollout,
): Promise<Rollout> {
  const { retry: most = 0 } = options.environment.definition.failedRollouts ?? {};
  let rollout = first;
  for (let retry = 1; retry <= most && isWorthRetry(rollout, options.signal); retry++) {
    const again = { ...identity, rolloutId: retryIdOf(identity.rolloutId, retry) };
    // It begins before the failed one ends, so that a watcher never finds the group at an end.
    sayStarted(options, again);
    finish(options, rollout);
    rollout = await attempt({ ...options, signal: signalOf(options, again) }, again);
  }
  return rollout;
}

async function judgedTogether(
  options: PlayGroupOptions,
  attempts: readonly Rollout[],
): Promise<readonly Rollout[]> {
  const { groupReward, failedRollouts = {} } = options.environment.definition;
  const rollouts = withQuorum(attempts, failedRollouts);
  return groupReward === undefined ? rollouts : await rescored(options, groupReward, rollouts);
}

/** The rollouts with the rewards that the environment gives the group as a whole. */
async function rescored(
  options: PlayGroupOptions,
  groupReward: NonNullable<EnvironmentDefinition['groupReward']>,
  rollouts: readonly Rollout[],
): Promise<Rollout[]> {
  const scored = rollouts.filter(({ outcome }) => outcome.kind === 'scored');
  if (scored.length === 0) return [...rollouts];
  const outcomes = await groupOutcomes(options, groupReward, scored);
  const byId = new Map(scored.map(({ id }, i) => [id, outcomes[i]]));
  return rollouts.map((rollout) => ({
    ...rollout,
    outcome: byId.get(rollout.id) ?? rollout.outcome,
  }));
}

async function groupOutcomes(
  options: PlayGroupOptions,
  groupReward: NonNullable<EnvironmentDefinition['groupReward']>,
  scored: readonly Rollout[],
): Promise<Outcome[]> {
  const timeoutMs = options.environment.definition.rewardTimeoutMs ?? 60_000;
  using deadline = partDeadline({
    name: 'The group reward',
    reason: 'GROUP_REWARD_TIMEOUT',
    timeoutMs,
    remedy: "If it needs longer, raise the environment's rewardTimeoutMs.",
    signal: options.signal,
  });
  const all = (message: string): Outcome[] =>
    scored.map(() => ({
      kind: 'not_scored',
      failure: { kind: 'environment_error', reason: 'GROUP_REWARD', message },
    }));
  try {
    const rewards = await callHook(() => groupReward(scored), deadline);
    if (!Array.isArray(rewards) || rewards.length !== scored.length) {
      return all(`groupReward gave ${rewards?.length} rewards for ${scored.length} rollouts.`);
    }
    const bad = rewards.findIndex((reward) => !Number.isFinite(reward));
    if (bad >= 0) return all(`groupReward gave ${rewards[bad]} for rollout ${bad}.`);
    return scored.map(({ outcome }, i) => ({
      components: [],
      ...outcome,
      kind: 'scored',
      reward: rewards[i] as number,
    }));
  } catch (error) {
    const failure = failureIn('group reward', error, deadline.signal);
    const kind =
      !options.signal.aborted && failure.kind === 'deadline_exceeded'
        ? 'environment_error'
        : failure.kind;
    return scored.map(() => ({ kind: 'not_scored', failure: { ...failure, kind } }));
  }
}
