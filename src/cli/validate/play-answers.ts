import type { Outcome, Rollout, Task } from '../../contract/index.ts';
import {
  type EnvironmentDefinition,
  type HostedEnvironment,
  playRollout,
  type RewardValue,
  resolveReward,
} from '../../environment/index.ts';
import { errorMessage } from '../../errors.ts';
import { type AssistantMessage, type Message, textContent } from '../../messages.ts';
import { directRecord, type ModelServer } from '../../models/index.ts';

const DEFAULT_REWARD_TIMEOUT_MS = 60_000;

/** The answers to play, made when the rollout's state is there. */
export type Answers = (
  task: Task,
  episode: { readonly state: unknown; readonly settings: unknown },
) => string | readonly Message[] | Promise<string | readonly Message[]>;

export interface PlayedAnswers {
  readonly task: Task;
  readonly outcome: Outcome;
  readonly rollout: Rollout;
  /** The same transcript scored once more; undefined when it was not scored at all. */
  readonly again: Outcome | undefined;
  /** Why there were no answers. */
  readonly answersThrew: string | undefined;
}

/**
 * Plays a task with answers that are known before, through the real loop: setup, the environment's
 * own tools, reward and teardown. Tool results are the tools' own, not those of the answers.
 */
export async function playAnswers(
  environment: HostedEnvironment,
  task: Task,
  answers: Answers,
  signal: AbortSignal,
): Promise<PlayedAnswers> {
  const { definition } = environment;
  const { rewardTimeoutMs = DEFAULT_REWARD_TIMEOUT_MS } = definition;
  let script: readonly AssistantMessage[] = [];
  let answersThrew: string | undefined;
  let again: Outcome | undefined;
  const prompt: EnvironmentDefinition['prompt'] = async (of, episode) => {
    const opening = await definition.prompt(of, episode);
    try {
      script = assistantMessages(await answers(of, episode));
    } catch (error) {
      answersThrew = errorMessage(error);
    }
    return opening;
  };
  const reward: EnvironmentDefinition['reward'] = async (context) => {
    const first: RewardValue = await definition.reward(context);
    again = resolveReward(await definition.reward(context), context.result);
    return first;
  };
  const rollout = await playRollout({
    environment: {
      ...environment,
      // Its reward is asked twice, and has its time for each.
      definition: { ...definition, prompt, reward, rewardTimeoutMs: 2 * rewardTimeoutMs },
    },
    modelServer: scripted(() => script),
    rolloutId: `validate.${task.key}`,
    groupId: '',
    index: 0,
    task,
    seed: 0,
    signal,
  });
  return { task, outcome: rollout.outcome, rollout, again, answersThrew };
}

/** Says the next message of the script at every call, and nothing when it is over. */
function scripted(script: () => readonly AssistantMessage[]): ModelServer {
  return {
    kind: 'direct',
    model: 'validate',
    openSession: () => {
      let calls = 0;
      return {
        complete: async ({ lineage }) => {
          // A tool that asks the model has no answer in a script of what the agent says.
          if (lineage?.agent) return { message: assistantMessage(''), finishReason: 'stop' };
          const message = script()[calls] ?? assistantMessage('');
          calls += 1;
          return { message, finishReason: message.toolCalls.length === 0 ? 'stop' : 'tool_calls' };
        },
        record: () => directRecord(calls),
      };
    },
    close: async () => {},
  };
}

function assistantMessages(answers: string | readonly Message[]): readonly AssistantMessage[] {
  if (typeof answers === 'string') return [assistantMessage(answers)];
  return answers
    .filter((message): message is AssistantMessage => message.role === 'assistant')
    .map((message) => ({ ...message, toolCalls: message.toolCalls ?? [] }));
}

function assistantMessage(text: string): AssistantMessage {
  return { role: 'assistant', content: textContent(text), toolCalls: [] };
}
