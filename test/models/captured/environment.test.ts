import { describe, expect, test } from 'vitest';
import { defineEnvironment, hostEnvironment, playRollout } from '../../../src/environment/index.ts';
import { tool } from '../../../src/tools/index.ts';
import { oddly } from '../../support/engines/chat-world.ts';
import { accounts, expectExact, live, overChat } from './over-chat.ts';

const shop = defineEnvironment({
  name: 'shop',
  tasks: [{ data: { item: 'lamp' } }],
  systemPrompt: 'Sell.',
  prompt: ({ data }) => `How much is the ${data.item}?`,
  tools: [
    tool({
      name: 'price',
      description: 'The price of an item.',
      parameters: { type: 'object', properties: { item: { type: 'string' } }, required: ['item'] },
      execute: ({ item }) => (item === 'lamp' ? '41' : { error: 'none' }),
    }),
  ],
  reward: ({ finalText }) => (finalText === '41' ? 1 : 0),
  maxTurns: 5,
});

const CALL = '<call>price {"item":"lamp"}</call>';
const TURNS = [CALL.replace('lamp', 'lump'), `${CALL}${CALL}`, CALL, '41'];

/** Two clerks at the same time, who are asked the very same. */
const desk = defineEnvironment({
  ...shop,
  tools: [
    tool({
      name: 'clerk',
      description: '',
      parameters: { type: 'object' },
      execute: async (_, { model }) => {
        const question = { agent: 'clerk', systemPrompt: 'Look it up.', prompt: 'the lamp' };
        return (await model.run({ ...question, tools: shop.tools ?? [] })).text;
      },
    }),
  ],
});

async function play(odd: readonly number[] = []) {
  const { world, server } = await overChat((_, call) => ({
    text: TURNS[call]!,
    ...(odd.includes(call) && { ids: oddly(TURNS[call]!) }),
  }));
  const rollout = await playRollout({
    environment: await hostEnvironment(shop),
    modelServer: server,
    rolloutId: 'r',
    groupId: 'g',
    index: 0,
    task: { key: '0', split: '', data: { item: 'lamp' } },
    signal: live,
  });
  return { world, rollout };
}

describe('a tool rollout over a chat server', () => {
  test('is exact from the first message to the last, and trained as one row under every policy', async () => {
    const { rollout, world } = await play();
    expect(rollout.outcome).toMatchObject({ kind: 'scored', reward: 1 });
    expect(world.log).toHaveLength(4);
    const { segments, calls, ledger } = rollout;
    expectExact(rollout, world);
    const sampled = world.log.reduce((sum, call) => sum + call.sampled.length, 0);
    expect(ledger.sampled).toBe(sampled);
    const all = [1, { trained: sampled }];
    expect(accounts({ segments, calls, sampledTokens: ledger.sampled })).toEqual({
      strict: all,
      realign: all,
      fork: all,
      mask: all,
    });
    expect(segments[0]!.spans.map(({ origin }) => origin)).toEqual([
      ...['prompt', 'sampled', 'tool', 'sampled', 'tool', 'sampled', 'tool', 'sampled'],
    ]);
  });

  test('a turn that the server spells otherwise is named in the account of each policy', async () => {
    const { rollout, world } = await play([1]);
    expect(rollout.outcome).toMatchObject({ kind: 'scored', reward: 1 });
    const { segments, calls, ledger } = rollout;
    const [first, second, third, last] = world.log.map(({ sampled }) => sampled.length) as [
      number,
      number,
      number,
      number,
    ];
    const others = first + third + last;
    expect(accounts({ segments, calls, sampledTokens: ledger.sampled })).toEqual({
      strict: [1, { trained: others, droppedBranch: second }],
      realign: [1, { trained: others, realignedDrift: second }],
      fork: [2, { trained: others + second }],
      mask: [1, { maskedByFailure: others + second }],
    });
  });
});

test('two sub-agents of one name with the same prompts are two conversations, all of them trained', async () => {
  const clerk = '<call>clerk {}</call>';
  const { world, server } = await overChat(({ messages }) => {
    const said = JSON.stringify(messages);
    if (said.includes('"role":"tool"')) return { text: '41' };
    return { text: said.includes('Look it up.') ? CALL : `${clerk}${clerk}` };
  });
  const rollout = await playRollout({
    environment: await hostEnvironment(desk),
    modelServer: server,
    ...{ rolloutId: 'r', groupId: 'g', index: 0, signal: live },
    task: { key: '0', split: '', data: { item: 'lamp' } },
  });
  expect(rollout.outcome).toMatchObject({ kind: 'scored', reward: 1 });
  expectExact(rollout, world);
  const { calls, ledger, segments } = rollout;
  expect(segments.map(({ agent, reason, parent }) => [agent, reason, parent])).toEqual([
    ['', 'start', undefined],
    ['clerk', 'sub_agent', undefined],
    ['clerk', 'sub_agent', undefined],
  ]);
  expect(calls.map(({ parentCallId }) => parentCallId).toSorted()).toEqual([
    ...['', '', '#0', '#0', '#1', '#2'],
  ]);
  const all = [3, { trained: ledger.sampled }];
  expect(accounts({ segments, calls, sampledTokens: ledger.sampled })).toEqual({
    ...{ strict: all, realign: all, fork: all, mask: all },
  });
});
