import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createDirectServer, type HostedEnvironment } from 'lachesis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import gsm8k, { calculate } from '../../examples/environments/gsm8k.ts';
import { textOf } from '../../src/messages.ts';
import { scriptedToolCall, startScriptedOpenAI } from '../support/scripted-openai.ts';
import { callText, host, play, rewardOf, scriptedModel, toolResults } from './support/play.ts';

describe('calculate', () => {
  test.each([
    ['2 + 3 * 4', 14],
    ['(2 + 3) * 4', 20],
    ['20 - 8 - 4', 8],
    ['48 / 4 / 2', 6],
    ['17 % 5 * 2', 4],
    ['2 ^ 10', 1024],
    ['2 ** 10', 1024],
    ['2 ^ 3 ^ 2', 512],
    ['2 ^ -1', 0.5],
    ['-2 ^ 2', -4],
    ['(-2) ^ 2', 4],
    ['-3 + 5', 2],
    ['4 * -2', -8],
    ['--4', 4],
    ['+4 - +1', 3],
    ['((1 + 2) * (3 + 4))', 21],
    ['1,234.50 + 1', 1235.5],
    ['1,000,000 / 1,000', 1000],
    ['.5 * 4', 2],
    ['5. + 1', 6],
    ['0.1 + 0.2', 0.3],
    ['80,000*1.5', 120000],
    ['9007199254740', 9007199254740],
  ])('%s is %d', (expression, value) => {
    expect(calculate(expression)).toBe(value);
  });

  test.each([
    ['', 'unexpected end'],
    ['2 +', 'unexpected end'],
    ['(2 + 3', 'a closing bracket is missing'],
    ['2 + 3)', 'unexpected )'],
    ['2 3', 'unexpected 3'],
    ['1.2.3', 'unexpected .3'],
    ['2 * / 3', 'unexpected /'],
    ['$2 + 3', 'unexpected $'],
    ['2 + x', 'unexpected x'],
    ['1,2', 'unexpected ,'],
    ['max(1,200)', 'unexpected m'],
    ['process.exit()', 'unexpected p'],
    ['1 / 0', 'no finite result'],
    ['10 ^ 400', 'no finite result'],
    ['.', 'unexpected .'],
  ])('%s: %s', (expression, message) => {
    expect(() => calculate(expression)).toThrow(message);
  });
});

const LINES = [
  { question: 'Ducks lay 16 eggs; 3 + 4 are used, each sells for $2?', answer: '9 * 2.\n#### 18' },
  { question: 'What do 1,000 chairs at $1.2345 cost?', answer: '1000 * 1.2345\n#### 1,234.50' },
  { question: 'How warm?', answer: '#### -5' },
];

let folder: string;
let environment: HostedEnvironment;

const file = async (name: string, lines: readonly string[]): Promise<string> => {
  const data = path.join(folder, name);
  await writeFile(data, `${lines.join('\n')}\n`);
  return data;
};

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'lachesis-gsm8k-'));
  const data = await file(
    'good.jsonl',
    LINES.map((line) => JSON.stringify(line)),
  );
  environment = await host(gsm8k, { data });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('its data', () => {
  test('is a file of problems, in order', async () => {
    expect(environment.tasks.count).toBe(3);
    const tasks = await Array.fromAsync(environment.tasks.tasks());
    expect(tasks.map(({ data }) => data)).toEqual(LINES);
    expect(await environment.tasks.get('2')).toMatchObject({ data: LINES[2] });
  });

  test('must be given', async () => {
    await expect(host(gsm8k)).rejects.toMatchObject({
      kind: 'invalid_input',
      field: 'settings.data',
      message: expect.stringContaining('data'),
    });
  });

  test('must exist', async () => {
    const data = path.join(folder, 'none.jsonl');
    await expect(host(gsm8k, { data })).rejects.toMatchObject({
      kind: 'invalid_input',
      message: expect.stringContaining(data),
    });
  });

  test.each([
    ['no JSON', '{"question": "Wh', 'is no JSON'],
    ['no object', 'null', 'no text `question`'],
    ['no question', '{"answer": "#### 1"}', 'no text `question`'],
    ['no answer', '{"question": "Why?"}', 'no `answer` that holds a number'],
    ['an answer without a number', '{"question": "?", "answer": "#### ?"}', 'holds a number'],
  ])('with a line that is %s is refused, with its file and line', async (name, line, problem) => {
    const data = await file(`${name.replaceAll(' ', '-')}.jsonl`, [
      JSON.stringify(LINES[0]),
      '',
      line,
    ]);
    await expect(host(gsm8k, { data })).rejects.toMatchObject({
      kind: 'invalid_input',
      reason: 'TASK_FILE_LINE',
      message: expect.stringMatching(new RegExp(`^${data}:3 .*${problem}`)),
    });
  });
});

describe('the reward', () => {
  /** Of the first and the second problem: 18 and 1,234.50. */
  const rewardsFor = async (text: string): Promise<number[]> => {
    const model = scriptedModel(() => text);
    const played = await play(environment, model, { tasks: 2 });
    return played.flatMap(({ rollouts }) => rollouts.map(rewardOf));
  };

  test.each([
    ['18', 1, 0],
    ['The answer is 18.', 1, 0],
    ['#### 18', 1, 0],
    ['She makes $18 every day.', 1, 0],
    ['16 - 3 - 4 = 9 eggs, and 9 * 2 = **18**', 1, 0],
    ['\\boxed{18}', 1, 0],
    ['18.0 dollars', 1, 0],
    ['The total is $1,234.50.', 0, 1],
    ['1234.5', 0, 1],
    ['18 eggs of 20', 0, 0],
    ['180', 0, 0],
    ['-18', 0, 0],
    ['I do not know.', 0, 0],
  ])('of "%s" is %d and %d', async (text, first, second) => {
    expect(await rewardsFor(text)).toEqual([first, second]);
  });
});

describe('a pupil with the calculator', () => {
  test('can work a problem out and answer with the result', async () => {
    const steps = ['16 - 3 - 4', '9 * 2'];
    const model = scriptedModel((prompt) => {
      const results = toolResults(prompt);
      const expression = steps[results.length];
      return expression === undefined
        ? `She makes ${results.at(-1)} dollars.`
        : callText('calculator', { expression });
    });
    const [played] = await play(environment, model);
    const rollout = played!.rollouts[0]!;
    expect(rewardOf(rollout)).toBe(1);
    expect(rollout.result).toMatchObject({
      stopReason: 'natural',
      toolCalls: { attempted: 2, executedOk: 2, execError: 0 },
    });
  });

  test.each([
    ['an expression that is none', { expression: '2 +' }, 'unexpected end'],
    ['a missing argument', {}, 'expression'],
    ['an argument of the wrong type', { expression: ['1'] }, 'expression'],
    ['an endless expression', { expression: '1+'.repeat(600) }, 'expression'],
  ])('is told of %s, and goes on', async (_, args, message) => {
    const model = scriptedModel((prompt) =>
      toolResults(prompt).length === 0 ? callText('calculator', args) : '18',
    );
    const [played] = await play(environment, model, { sampling: {} });
    const rollout = played!.rollouts[0]!;
    const told = rollout.result.messages.find(({ role }) => role === 'tool');
    expect(JSON.parse(textOf(told!)).error).toContain(message);
    expect(rewardOf(rollout)).toBe(1);
    expect(rollout.result.toolCalls).toMatchObject({ attempted: 1, executedOk: 0, execError: 1 });
  });
});

test('answers of an OpenAI-compatible model that are right, wrong or malformed are told apart', async () => {
  const first: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
    [LINES[0]!.question]: {
      tool_calls: [scriptedToolCall('c', 'calculator', { expression: '9*2' })],
    },
    [LINES[1]!.question]: {
      tool_calls: [scriptedToolCall('c', 'calculator', '{"expression": "9*')],
    },
    [LINES[2]!.question]: { tool_calls: [scriptedToolCall('c', 'abacus', { beads: 5 })] },
  };
  await using api = await startScriptedOpenAI({
    reply: ({ body }) => {
      const last = body.messages.at(-1);
      return {
        message: last.role === 'tool' ? { content: `#### ${last.content}` } : first[last.content]!,
      };
    },
  });
  const model = createDirectServer({ baseUrl: api.baseUrl, model: 'pupil' });
  try {
    const played = await play(environment, model, { tasks: 3 });
    expect(played.map(({ rollouts }) => rewardOf(rollouts[0]!))).toEqual([1, 0, 0]);
    expect(played.map(({ rollouts }) => rollouts[0]!.result.toolCalls)).toMatchObject([
      { attempted: 1, executedOk: 1, execError: 0, refused: 0, unknown: 0 },
      { attempted: 1, executedOk: 0, execError: 1, refused: 1, unknown: 0 },
      { attempted: 0, executedOk: 0, execError: 1, refused: 0, unknown: 1 },
    ]);
    expect(api.requests[0]?.body.messages[0]).toMatchObject({ role: 'system' });
  } finally {
    await model.close();
  }
});
