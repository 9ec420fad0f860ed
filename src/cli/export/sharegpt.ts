import { type AssistantMessage, type Message, textOf } from '../../messages.ts';
import { hermesParser } from '../../parsers/index.ts';
import { argumentsOf } from './chat-message.ts';
import { admittedReward, hasAnswer, type LineFormat } from './format.ts';

interface ShareGptTurn {
  readonly from: 'system' | 'human' | 'gpt' | 'tool';
  readonly value: string;
}

/**
 * ShareGPT `conversations`. Reasoning, tool calls and tool results stand in the text, in the tags of
 * the Hermes models; the results of one turn are one turn, so that speakers take turns.
 */
export const sharegpt: LineFormat = async function* (rollouts, options) {
  for await (const read of rollouts) {
    const reward = admittedReward(read, options);
    if (reward === undefined || !hasAnswer(read, options)) continue;
    const { rollout } = read;
    yield JSON.stringify({
      conversations: turnsOf(rollout.result.messages),
      ...options.tools?.of(read),
      environment: rollout.provenance.environment,
      task_key: rollout.taskKey,
      rollout_id: rollout.id,
      reward,
    });
  }
};

function turnsOf(messages: readonly Message[]): readonly ShareGptTurn[] {
  const turns: ShareGptTurn[] = [];
  for (const message of messages) {
    const turn = turnOf(message);
    const last = turns.at(-1);
    if (turn.from === 'tool' && last?.from === 'tool') {
      turns[turns.length - 1] = { from: 'tool', value: `${last.value}\n${turn.value}` };
    } else {
      turns.push(turn);
    }
  }
  return turns;
}

function turnOf(message: Message): ShareGptTurn {
  switch (message.role) {
    case 'system':
      return { from: 'system', value: textOf(message) };
    case 'user':
      return { from: 'human', value: textOf(message) };
    case 'assistant':
      return { from: 'gpt', value: answerText(message) };
    case 'tool':
      return { from: 'tool', value: `<tool_response>\n${textOf(message)}\n</tool_response>` };
  }
}

function answerText(message: AssistantMessage): string {
  const { reasoning, toolCalls } = message;
  return [
    ...(reasoning === undefined ? [] : [`<think>\n${reasoning}\n</think>`]),
    textOf(message),
    ...toolCalls.map((call) =>
      hermesParser.renderCalls([{ name: call.name, argumentsText: argumentsOf(call) }]),
    ),
  ]
    .filter((part) => part !== '')
    .join('\n');
}
