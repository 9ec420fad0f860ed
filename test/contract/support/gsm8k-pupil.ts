import {
  type ScriptedOpenAI,
  type ScriptedOpenAIReply,
  type ScriptedOpenAIRequest,
  scriptedToolCall,
  startScriptedOpenAI,
} from '../../support/scripted-openai.ts';
import type { Gsm8kRow } from './gsm8k-rows.ts';

/** How a rollout of a row must end: with a reward, or with the kind of its failure. */
export type Expected = 0 | 1 | 'model_error' | 'infrastructure_error';

interface Habit {
  readonly name: string;
  /** Of the two rollouts of a row, in the order in which they ask first. */
  readonly expected: readonly [Expected, Expected];
  /** `call` counts the model calls for this row over both rollouts, from 0. */
  readonly reply: (row: Gsm8kRow, turn: Turn, call: number) => ScriptedOpenAIReply;
}

/** Where a conversation stands: the results of the tool so far. */
interface Turn {
  readonly results: readonly string[];
}

const say = (content: string): ScriptedOpenAIReply => ({ message: { content } });
const call = (args: unknown): ScriptedOpenAIReply => ({
  message: { content: null, tool_calls: [scriptedToolCall('c', 'calculator', args)] },
});
const right = ({ answer }: Gsm8kRow) => say(`So the answer is ${answer}.`);
const wrong = ({ answer }: Gsm8kRow) => say(`So the answer is ${answer + 1}.`);
const BUSY: ScriptedOpenAIReply = { status: 500, json: { error: { message: 'out of memory' } } };

/** The pupil's habits; row n has the one at n modulo their number. */
export const HABITS: readonly Habit[] = [
  {
    name: 'calculates, and answers with the result',
    expected: [1, 1],
    reply: ({ answer }, { results }) =>
      results.length === 0 ? call({ expression: `${answer} * 2 / 2` }) : say(`#### ${results[0]}`),
  },
  { name: 'knows it', expected: [1, 1], reply: right },
  { name: 'is wrong', expected: [0, 0], reply: wrong },
  {
    name: 'breaks off in the middle of a call, is told, and answers',
    expected: [1, 1],
    reply: (row, { results }) => (results.length === 0 ? call('{"expression": "2 *') : right(row)),
  },
  {
    name: 'calls with arguments that are no JSON, and gives up',
    expected: [0, 0],
    reply: (_, { results }) => (results.length === 0 ? call('two plus two') : say('I give up.')),
  },
  { name: 'says nothing', expected: [0, 0], reply: () => say('') },
  {
    name: 'fails twice with a 500, then knows it',
    expected: [1, 1],
    reply: (row, _, call) => (call < 2 ? BUSY : right(row)),
  },
  {
    name: 'sends one answer cut off in its JSON',
    expected: ['model_error', 1],
    reply: (row, _, call) =>
      call === 0 ? { raw: '{"id": "chatcmpl-1", "choices": [{"message": {"con' } : right(row),
  },
  {
    name: 'loses the connection in the middle of an answer, once',
    expected: [1, 1],
    reply: (row, _, call) => (call === 0 ? { raw: '{"id": ', ending: 'cut' } : right(row)),
  },
  {
    name: 'refuses each request',
    expected: ['model_error', 'model_error'],
    reply: () => ({ status: 400, json: { error: { message: 'no such model' } } }),
  },
];

export function habitOf(row: Gsm8kRow): Habit {
  return HABITS[Number(row.key) % HABITS.length] as Habit;
}

/** An OpenAI-compatible server that answers each row by its habit; one row gets 500s alone, one nothing. */
export function startPupil(
  rows: readonly Gsm8kRow[],
  others: { readonly busy: Gsm8kRow; readonly silent: Gsm8kRow },
): Promise<ScriptedOpenAI> {
  const byQuestion = new Map(rows.map((row) => [row.question, row]));
  const calls = new Map<string, number>();
  return startScriptedOpenAI({
    reply: (request) => {
      const question = questionOf(request);
      if (question === others.busy.question) return BUSY;
      if (question === others.silent.question) return { ending: 'hang' };
      const row = byQuestion.get(question);
      if (row === undefined) throw new Error(`no row asks: ${question}`);
      const call = calls.get(row.key) ?? 0;
      calls.set(row.key, call + 1);
      return habitOf(row).reply(row, { results: resultsIn(request) }, call);
    },
  });
}

type ChatMessage = { readonly role: string; readonly content: string };

function questionOf({ body }: ScriptedOpenAIRequest): string {
  const messages = body.messages as readonly ChatMessage[];
  return messages.find(({ role }) => role === 'user')?.content ?? '';
}

function resultsIn({ body }: ScriptedOpenAIRequest): readonly string[] {
  const messages = body.messages as readonly ChatMessage[];
  return messages.filter(({ role }) => role === 'tool').map(({ content }) => content);
}
