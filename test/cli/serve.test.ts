import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { connect } from '../../src/client/index.ts';
import { readRolloutLine } from '../../src/contract/index.ts';
import { cli } from './support.ts';

const shop = path.resolve(import.meta.dirname, '../../examples/environments/shop.ts');

test('serve hosts an environment, writes rollouts as they end, and drains when it is stopped', async () => {
  const file = path.join(mkdtempSync(path.join(tmpdir(), 'lachesis-serve-')), 'rollouts.jsonl');
  const run = cli('serve', shop, '--rollouts', file);
  const [, address] = await run.until(/listening on (\S+)/);
  await using client = await connect({ address: String(address) });
  const rewards: (number | undefined)[] = [];
  for await (const step of client.environments.evaluate({ environment: 'shop', maxTasks: 6 })) {
    if (step.case === 'sample') rewards.push(step.value.reward);
  }
  expect(rewards).toHaveLength(6);
  run.stop();
  expect(await run.code).toBe(0);
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  expect(
    lines.map((line, i) => readRolloutLine(line, `line ${i + 1}`).rollout.outcome.kind),
  ).toEqual(rewards.map(() => 'scored'));
});

test.skipIf(!existsSync('/dev/full'))(
  'rollouts that were lost to a full disk are told when it ends',
  async () => {
    const run = cli('serve', shop, '--rollouts', '/dev/full');
    const [, address] = await run.until(/listening on (\S+)/);
    await using client = await connect({ address: String(address) });
    await Array.fromAsync(client.environments.evaluate({ environment: 'shop', maxTasks: 1 }));
    run.stop();
    expect(await run.code).toBe(1);
    expect(run.err()).toMatch(/serve: \/dev\/full can't be written to any more: ENOSPC.*make room/);
  },
);

test('policy serves generations over gRPC and, with its credential, over HTTP', async () => {
  const run = cli('policy');
  const [, address] = await run.until(/listening on (\S+)/);
  await using client = await connect({ address: String(address) });
  const generated = await client.policy.generate(Int32Array.of(65, 66), {
    sampling: { maxTokens: 4 },
  });
  expect(generated.logprobs).toHaveLength(generated.tokenIds.length);
  const body = JSON.stringify({ messages: [{ role: 'user', content: 'hi' }] });
  const refused = await fetch(`${address}/v1/chat/completions`, { method: 'POST', body });
  expect(refused.status).toBe(401);
  run.stop();
  expect(await run.code).toBe(0);
});

test('policy --no-auth with a fault misbehaves over HTTP as it was told to', async () => {
  const run = cli('policy', '--no-auth', '--fault', 'fail-429');
  const [, address] = await run.until(/listening on (\S+)/);
  const ask = () => fetch(`${address}/v1/models`);
  expect((await ask()).status).toBe(429);
  expect((await ask()).status).toBe(200);
  run.stop();
  expect(await run.code).toBe(0);
});

test('a rollout of what serve plays can be answered in tokens by the caller', async () => {
  const run = cli('serve', shop);
  const [, address] = await run.until(/listening on (\S+)/);
  await using client = await connect({ address: String(address) });
  const asked: number[] = [];
  const rollout = await client.environments.play(
    { id: 'mine', environment: 'shop', taskKey: '0' },
    {
      generate: async ({ promptTokenIds }) => {
        asked.push(promptTokenIds.length);
        const sampling = { maxTokens: 24 };
        const { tokenIds, logprobs } = await client.policy.generate(promptTokenIds, { sampling });
        return { tokenIds, logprobs, finishReason: 'stop' };
      },
    },
  );
  expect(asked.length).toBe(rollout.result.usage.modelCalls);
  expect(rollout.ledger.sampled).toBeGreaterThan(0);
  expect(rollout.segments[0]?.tokenIds.length).toBeGreaterThan(asked[0] ?? 0);
  run.stop();
  expect(await run.code).toBe(0);
});
