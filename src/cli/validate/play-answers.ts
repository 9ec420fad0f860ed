import type { Outcome, Rollout, Task } from '../../contract/index.ts';
import {
  type EnvironmentDefinition,
  type HostedEnvironment,
  type RewardValue,
  resolveReward,
  rewardTimeoutOf,
} from '../../environment/index.ts';
import { type Answers, playScript } from '../play-script.ts';

export interface PlayedAnswers {
  readonly task: Task;
  readonly outcome: Outcome;
  readonly rollout: Rollout;
  /** The same transcript scored once more; undefined when it was not scored at all. */
  readonly again: Outcome | undefined;
  /** Why there were no answers. */
  readonly answersThrew: string | undefined;
}

/** Plays a task with answers that are known before, and scores the transcript twice. */
export async function playAnswers(
  environment: HostedEnvironment,
  task: Task,
  answers: Answers,
  signal: AbortSignal,
): Promise<PlayedAnswers> {
  const { definition } = environment;
  let again: Outcome | undefined;
  const reward: EnvironmentDefinition['reward'] = async (context) => {
    const first: RewardValue = await definition.reward(context);
    again = resolveReward(await definition.reward(context), context.result);
    return first;
  };
  const { rollout, answersThrew } = await playScript({
    // Its reward is asked twice, and has its time for each.
    environment: {
      ...environment,
      definition: { ...definition, reward, rewardTimeoutMs: 2 * rewardTimeoutOf(definition) },
    },
    rolloutId: `validate.${task.key}`,
    player: 'validate',
    ...{ task, answers, seed: 0, signal },
  });
  return { task, outcome: rollout.outcome, rollout, again, answersThrew };
}
