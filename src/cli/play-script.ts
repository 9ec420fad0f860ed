import type { Rollout, Task } from '../contract/index.ts';
import {
  type EnvironmentDefinition,
  type HostedEnvironment,
  playRollout,
} from '../environment/index.ts';
import { errorMessage } from '../errors.ts';
import { type AssistantMessage, type Message, textContent } from '../messages.ts';
import { directRecord, type ModelServer } from '../models/index.ts';

/** The answers to play, made when the rollout's state is there. */
export type Answers = (
  task: Task,
  episode: { readonly state: unknown; readonly settings: unknown },
) => string | readonly Message[] | Promise<string | readonly Message[]>;

/**
 * Plays a task with answers that are known before, through the real loop: setup, the environment's
 * own tools, reward and teardown. Tool results are the tools' own, not those of the answers.
 */
export async function playScript(options: {
  readonly environment: HostedEnvironment;
  readonly task: Task;
  readonly answers: Answers;
  readonly rolloutId: string;
  /** As the rollout's provenance names who played it. */
  readonly player: string;
  readonly seed: number;
  readonly signal: AbortSignal;
}): Promise<{
  readonly rollout: Rollout;
  /** Why there were no answers. */
  readonly answersThrew: string | undefined;
}> {
  const { environment, task, answers, player, rolloutId, seed, signal } = options;
  const { definition } = environment;
  let script: readonly AssistantMessage[] = [];
  let answersThrew: string | undefined;
  const prompt: EnvironmentDefinition['prompt'] = async (of, episode) => {
    const opening = await definition.prompt(of, episode);
    try {
      script = assistantMessages(await answers(of, episode));
    } catch (error) {
      answersThrew = errorMessage(error);
    }
    return opening;
  };
  const rollout = await playRollout({
    environment: { ...environment, definition: { ...definition, prompt } },
    modelServer: scripted(player, () => script),
    ...{ rolloutId, groupId: '', index: 0, task, seed, signal },
  });
  return { rollout, answersThrew };
}

/** Says the next message of the script at every call, and nothing when it is over. */
function scripted(model: string, script: () => readonly AssistantMessage[]): ModelServer {
  return {
    kind: 'direct',
    model,
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
