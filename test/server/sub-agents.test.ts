import { expect, test } from 'vitest';
import { defineEnvironment, hostEnvironment, turnRewards } from '../../src/environment/index.ts';
import { tool } from '../../src/tools/index.ts';
import { serveForTest } from '../support/serve.ts';
import { terseModel } from '../support/terse-model.ts';

test('a trainer gets a sub-agent’s rows, with its reward and without turn rewards of the main agent', async () => {
  const definition = defineEnvironment({
    name: 'asking',
    tasks: [{ data: 0 }],
    tools: [
      tool({
        name: 'ask',
        description: '',
        parameters: { type: 'object' },
        execute: async (_, { model }) =>
          (await model.run({ agent: 'oracle', prompt: 'who?' })).text,
      }),
    ],
    prompt: () => 'go',
    reward: ({ result }) => {
      const { value, rewards } = turnRewards(result, ({ index }) => index);
      return { value, turnRewards: rewards };
    },
  });
  const environment = await hostEnvironment(definition);
  const says: Readonly<Record<string, string>> = { go: '!ask', 'who?': 'me' };
  const modelServer = terseModel(({ last }) => says[last] ?? 'done');
  await using served = await serveForTest({ environments: [{ environment, modelServer }] });
  const { batches, environments, runs } = served.client;
  await runs.open('run', { batchSize: { kind: 'groups', groups: 1 } });
  const order = { id: 'g', runId: 'run', environment: 'asking', taskKey: '0' };
  await environments.startGroup(order);
  await using consumer = await batches.register({ runId: 'run' });
  const batch = await consumer.next({ timeoutMs: 5_000 });
  const rows = batch!.rows.map((each) => ({
    agent: each.row.agent,
    reward: each.reward,
    trained: each.trainedTokens,
    turns: [...each.turnRewardColumn()].filter((value) => value !== 0),
  }));
  // `!ask` and `done`, 5 tokens each; `me`, 3.
  expect(rows).toEqual([
    { agent: '', reward: 3, trained: 10, turns: [1, 2] },
    { agent: 'oracle', reward: 3, trained: 3, turns: [] },
  ]);
});
