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
    const { segments, ledger } = rollout;
    expectExact(rollout, world);
    const sampled = world.log.reduce((sum, call) => sum + call.sampled.length, 0);
    expect(ledger.sampled).toBe(sampled);
    const all = [1, { trained: sampled }];
    expect(accounts({ segments, sampledTokens: ledger.sampled })).toEqual({
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
    const { segments, ledger } = rollout;
    const [first, second, third, last] = world.log.map(({ sampled }) => sampled.length) as [
      number,
      number,
      number,
      number,
    ];
    const others = first + third + last;
    expect(accounts({ segments, sampledTokens: ledger.sampled })).toEqual({
      strict: [1, { trained: others, droppedBranch: second }],
      realign: [1, { trained: others, realignedDrift: second }],
      fork: [2, { trained: others + second }],
      mask: [1, { maskedByFailure: others + second }],
    });
  });
});
