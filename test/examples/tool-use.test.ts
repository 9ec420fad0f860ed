import { createDirectServer, type Rollout, type ToolHandler } from 'lachesis';
import { describe, expect, test } from 'vitest';
import toolUse from '../../examples/environments/tool-use.ts';
import { textOf } from '../../src/messages.ts';
import { scriptedToolCall, startScriptedOpenAI } from '../support/scripted-openai.ts';
import { callText, host, play, rewardOf, scriptedModel, toolResults } from './support/play.ts';

const QUESTION = /flight from (\w+) to (\w+) and (\d+) nights/;

function trip(prompt: string) {
  const [, from = '', to = '', nights = ''] = QUESTION.exec(prompt) ?? [];
  return { from, to, nights: Number(nights) };
}

type Call = readonly [name: string, args: Record<string, string>];

/** What is left to look up, all that can be asked by now; none when the answer is known. */
function next(prompt: string): readonly Call[] {
  const { from, to } = trip(prompt);
  const [flight, hotel, ...rates] = toolResults(prompt);
  if (flight === undefined || hotel === undefined)
    return [
      ['flight', { from, to }],
      ['hotel', { city: to }],
    ];
  if (rates.length > 0) return [];
  return [flight, hotel].map((result) => ['rate', { currency: JSON.parse(result).currency }]);
}

function answer(prompt: string): string {
  const [flight = '', hotel = '', first, second] = toolResults(prompt);
  const price = (result: string): number => JSON.parse(result).price;
  const sum = price(flight) * Number(first) + trip(prompt).nights * price(hotel) * Number(second);
  return `In all that is ${sum} euros.`;
}

const spoken = (calls: readonly Call[]) =>
  calls.map(([name, args]) => callText(name, args)).join('\n');

const toolTexts = ({ result }: Rollout): string[] =>
  result.messages.filter(({ role }) => role === 'tool').map(textOf);

describe('a clerk who', () => {
  test('asks side by side and adds up earns 1, in three turns', async () => {
    const model = scriptedModel((prompt) => spoken(next(prompt)) || answer(prompt));
    const played = await play(await host(toolUse), model, { tasks: 12 });
    for (const { rollouts } of played) {
      const [rollout] = rollouts;
      expect(rewardOf(rollout!)).toBeCloseTo(1);
      expect(rollout!.result).toMatchObject({
        turnsUsed: 3,
        toolCalls: { attempted: 4, executedOk: 4, execError: 0 },
      });
    }
  });

  test('asks one thing at a time earns 0.8', async () => {
    const model = scriptedModel((prompt) => {
      const { from, to } = trip(prompt);
      const results = toolResults(prompt);
      const rate = (at: number): Call => [
        'rate',
        { currency: JSON.parse(results[at] ?? '{}').currency },
      ];
      const calls: Call[] = [['flight', { from, to }], ['hotel', { city: to }], rate(0), rate(1)];
      const call = calls[results.length];
      return call === undefined ? answer(prompt) : spoken([call]);
    });
    const [played] = await play(await host(toolUse), model);
    const [rollout] = played!.rollouts;
    expect(rollout!.result.turnsUsed).toBe(5);
    expect(rollout!.outcome).toMatchObject({
      reward: 0.8,
      components: [
        { name: 'correct', value: 1 },
        { name: 'quick', value: 0 },
      ],
    });
  });

  test.each([
    ['forgets the rates', (prompt: string) => `${JSON.parse(toolResults(prompt)[0]!).price}`],
    ['gives up', () => 'That is too dear.'],
  ])('%s earns 0, however quick', async (_, say) => {
    const model = scriptedModel((prompt) =>
      toolResults(prompt).length === 0 ? spoken(next(prompt)) : say(prompt),
    );
    const [played] = await play(await host(toolUse), model);
    expect(rewardOf(played!.rollouts[0]!)).toBe(0);
  });

  test.each([
    ['a city that is none', ['hotel', { city: 'Atlantis' }], /city/],
    ['a currency that is none', ['rate', { currency: 'shells' }], /currency/],
    ['a flight to where it begins', ['flight', { from: 'Oslo', to: 'Oslo' }], /two cities/],
    ['a tool that is none', ['train', { to: 'Oslo' }], /flight.*hotel.*rate/],
  ] as const)('asks for %s is told', async (_, call, told) => {
    const model = scriptedModel((prompt) =>
      toolResults(prompt).length === 0 ? spoken([call]) : 'Well.',
    );
    const [played] = await play(await host(toolUse), model);
    expect(JSON.parse(toolTexts(played!.rollouts[0]!)[0]!).error).toMatch(told);
    expect(played!.rollouts[0]!.result.toolCalls.execError).toBe(1);
  });
});

test('calls of one turn run at the same time, and their results keep the order of the calls', async () => {
  const { promise: bothBegun, resolve: begun } = Promise.withResolvers<void>();
  const { promise: lastEnded, resolve: ended } = Promise.withResolvers<void>();
  let running = 0;
  const toolHandler: ToolHandler = async ({ name }) => {
    running += 1;
    if (running === 2) begun();
    // Would wait for ever if the second call waited for the first.
    await bothBegun;
    if (name === 'flight') await lastEnded;
    else ended();
    return `from ${name}`;
  };
  const model = scriptedModel((prompt) =>
    toolResults(prompt).length === 0 ? spoken(next(prompt)) : 'Done.',
  );
  const [played] = await play(await host(toolUse), model, { toolHandler });
  expect(toolTexts(played!.rollouts[0]!)).toEqual(['from flight', 'from hotel']);
});

test('a model that fails between two turns has no score', async () => {
  await using api = await startScriptedOpenAI({
    reply: ({ body, index }) => {
      if (index > 0) return { status: 400, json: { error: { message: 'no such model' } } };
      const tool_calls = next(body.messages.at(-1).content).map(([name, args], at) =>
        scriptedToolCall(`c${at}`, name, args),
      );
      return { message: { content: null, tool_calls } };
    },
  });
  const model = createDirectServer({ baseUrl: api.baseUrl, model: 'clerk' });
  try {
    const [played] = await play(await host(toolUse), model);
    const [rollout] = played!.rollouts;
    expect(rollout!.outcome).toMatchObject({ kind: 'not_scored' });
    expect(toolTexts(rollout!)).toHaveLength(2);
  } finally {
    await model.close();
  }
});
