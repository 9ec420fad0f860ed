import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { schemaProblems } from '../../../src/cli/validate/check-tools.ts';
import { cli } from '../support.ts';

const door = pathToFileURL(path.resolve(import.meta.dirname, '../../../src/index.ts')).href;

/** An environment that adds, with some of its parts replaced. */
function adder(parts: string): string {
  const file = path.join(mkdtempSync(path.join(tmpdir(), 'lachesis-validate-')), 'adder.mjs');
  writeFileSync(
    file,
    `import { defineEnvironment, finalNumber, tool } from ${JSON.stringify(door)};
    let calls = 0;
    export default defineEnvironment({
      name: 'adder',
      tasks: Array.from({ length: 50 }, (_, a) => ({ key: 'sum-' + a, data: { a, b: 3 } })),
      setup: ({ data }) => ({ sum: data.a + data.b }),
      tools: [tool({
        name: 'add',
        description: 'Adds.',
        parameters: { type: 'object', properties: { a: { type: 'number' }, b: { type: 'number' } }, required: ['a', 'b'] },
        execute: ({ a, b }) => a + b,
      })],
      prompt: ({ data }) => 'What is ' + data.a + ' + ' + data.b + '?',
      reward: ({ state, finalText }) => (finalNumber(finalText) === state.sum ? 1 : 0),
      solution: (task, { state }) => String(state.sum),
      ${parts}
    });`,
  );
  return file;
}

async function validated(parts: string, ...args: string[]) {
  const run = cli('validate', adder(parts), ...args);
  const code = await run.code;
  return { code, out: run.out(), err: run.err() };
}

test('a sound environment passes, and the table says what was looked at', async () => {
  const { code, out, err } = await validated('', '--tasks', '5');
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(out).toBe(
    [
      'adder',
      '  tasks       ok       50 read, 5 played',
      '  tools       ok       1 schemas',
      '  null agent  ok       5 scored: mean 0, from 0 to 0',
      '  solutions   ok       5 scored: mean 1, from 1 to 1',
      '  same twice  ok       10 transcripts scored twice',
      '',
    ].join('\n'),
  );
});

test('a solution may be a transcript, whose calls the environment’s own tools answer', async () => {
  const { code, err } = await validated(`
    reward: ({ result, state }) =>
      result.messages.some((m) => m.role === 'tool' && m.content[0]?.text === String(state.sum)) ? 1 : 0,
    solution: ({ data }) => [
      { role: 'assistant', content: [], toolCalls: [{ id: 'c1', name: 'add', argumentsText: JSON.stringify(data) }] },
      { role: 'tool', content: [], toolCallId: 'c1', toolName: 'add' },
      { role: 'assistant', content: [{ kind: 'text', text: 'Done.' }] },
    ],`);
  expect({ code, err }).toEqual({ code: 0, err: '' });
});

test('without solutions the rest is checked', async () => {
  const { code, out } = await validated('solution: undefined,');
  expect(code).toBe(0);
  expect(out).toMatch(/solutions {3}skipped {2}the environment has no `solution`/);
});

test.each([
  ['solution: () => "7",', /FAILED solutions: task sum-0: its own solution earns 0, under 1/],
  ['solution: () => { throw new Error("no key"); },', /sum-0: its solution threw: no key/],
  ['reward: () => 0.5,', /FAILED null agent: task sum-0: .*"I do not know\." earns 0\.5; at most/],
  ['reward: () => { calls += 1; return calls % 7 / 10; },', /same twice: .* gives 0\.1, then 0\.2/],
  ['reward: () => NaN,', /null agent: task sum-0: doing nothing could not be scored: .*NaN/],
  ['setup: () => { throw new Error("no box"); },', /could not be scored: .*setup threw: no box/],
  [
    `tools: [tool({ name: 'add', description: '', execute: () => 1, parameters:
      { type: 'object', properties: { a: { type: 'numbr' } }, required: ['b'] } })],`,
    /tool add: parameters\.required names "b"[\s\S]*parameters\.properties\.a\.type is "numbr"/,
  ],
  [
    `tasks: { count: 2, async *tasks() { for (const a of [1, 2]) yield { key: 'x', split: '', data: { a, b: 1 } }; },
      get: async () => undefined },`,
    /task x: another task has this key\n[\s\S]*task x: is not found by its key/,
  ],
])('%s fails with the task and the reason', async (parts, message) => {
  const { code, err } = await validated(parts);
  expect(code).toBe(1);
  expect(err).toMatch(message);
});

describe('a reward of the group', () => {
  const group = (body: string) => `groupReward: ${body},`;
  const rewards = 'rollouts.map(({ outcome }) => outcome.reward)';

  test('that is sound passes, with a solution and without', async () => {
    const sound = group(`async (rollouts) => ${rewards}.map((r) => r / 2)`);
    const { code, out, err } = await validated(sound, '--tasks', '3');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/\n {2}group reward {2}ok {7}3 groups scored twice\n/);
    expect((await validated(`${sound} solution: undefined,`)).code).toBe(0);
  });

  test.each([
    ['() => [1]', /FAILED group reward: task sum-0: groupReward gave 1 rewards for 2 rollouts/],
    ['() => 1', /groupReward gave 1, which is no list/],
    [`(rollouts) => ${rewards}.map((r) => r / (r - 1))`, /gave -?Infinity to its own solution/],
    ['() => [0, 1n]', /groupReward gave 1n to its own solution/],
    [
      `(rollouts) => ${rewards}.map((r) => -r)`,
      /gives its own solution -1, under the -?0 of an agent/,
    ],
    [
      `(rollouts) => ${rewards}.sort((a, b) => b - a)`,
      /its own solution 0, under the 1 of an agent/,
    ],
    ['() => [0, (calls += 1)]', /one group scored twice gives \[ 0, \d+ \], then \[ 0, \d+ \]/],
    [
      '(rollouts) => rollouts.map(({ result }) => result.usage.none.x)',
      /groupReward failed: Cannot read properties of undefined/,
    ],
    [
      '() => new Promise(() => {}), rewardTimeoutMs: 20',
      /groupReward failed: it took longer than 20 ms/,
    ],
  ])('that is broken fails with the task and the reason: %s', async (body, message) => {
    const { code, err } = await validated(group(body), '--tasks', '3');
    expect(code).toBe(1);
    expect(err).toMatch(message);
    expect(err.trimEnd().split('\n')).toHaveLength(3);
  });
});

test('what is sound is for the author to say', async () => {
  const half = 'reward: () => 0.5,';
  const { code } = await validated(half, '--null-most', '0.5', '--solved-at', '0.5');
  expect(code).toBe(0);
});

test('many failures of one kind are told by the first ten', async () => {
  const { err } = await validated('solution: () => "no",', '--tasks', '15');
  expect(err.trimEnd().split('\n')).toHaveLength(11);
  expect(err).toMatch(/FAILED solutions: and 5 more\n$/);
});

test.each([
  [[], /FILE: is missing/],
  [['x.ts', '--tasks', '0'], /--tasks: is "0"/],
  [['x.ts', '--solved-at', 'high'], /--solved-at: is "high"; give a number/],
])('%j says what is wrong', async (args, message) => {
  const run = cli('validate', ...args);
  expect(await run.code).toBe(2);
  expect(run.err()).toMatch(message);
});

test('a schema of every shape that is right has no problem', () => {
  const schema = {
    type: 'object',
    properties: {
      a: { type: ['string', 'null'], enum: ['x', null] },
      b: { anyOf: [{ type: 'integer' }, true] },
      c: { type: 'array', items: { $ref: '#/$defs/d' } },
    },
    required: ['a'],
    additionalProperties: false,
    $defs: { d: { type: 'boolean' } },
  };
  expect([...schemaProblems(schema, 'parameters')]).toEqual([]);
});

test('its help shows the options and teaches by example', async () => {
  const run = cli('validate', '--help');
  expect(await run.code).toBe(0);
  expect(run.out()).toContain('--null-most X');
  expect(run.out()).toMatch(/For example:\n {2}lachesis validate/);
});
