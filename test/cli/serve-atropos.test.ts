import path from 'node:path';
import { expect, test } from 'vitest';
import { connect } from '../../src/client/index.ts';
import { ask, group, trainer } from '../gateways/atropos/support.ts';
import { cli } from './support.ts';

const shop = path.resolve(import.meta.dirname, '../../examples/environments/shop.ts');

test('serve --atropos alone needs no FILE, and a gRPC trainer pulls what was pushed there', async () => {
  const run = cli('serve', '--atropos', '0');
  const [, address] = await run.until(/listening on (\S+)/);
  const [, atropos = ''] = await run.until(/atropos on (\S+)/);
  await ask(atropos, '/register', { body: trainer });
  const inference_logprobs = Array.from({ length: 4 }, () => [1, 1, -0.5, -0.25]);
  await ask(atropos, '/scored_data', { body: group(4, 5, { inference_logprobs }) });
  await using client = await connect({ address: String(address) });
  await using consumer = await client.batches.register({ runId: 'atropos' });
  const batch = await consumer.next({ waitMs: 1_000 });
  const rows = batch?.rows ?? [];
  expect(rows.map(({ row, reward }) => [[...row.tokenIds], reward])).toEqual(
    [11, 12, 13, 14].map((second, i) => [[5, second, 12, 13], i % 2]),
  );
  expect([...(rows[0]?.row.logprobs ?? [])]).toEqual([-0.5, -0.25]);
  await batch?.ack();
  expect((await ask(atropos, '/status')).body).toEqual({ current_step: 1, queue_size: 0 });
  run.stop();
  expect(await run.code).toBe(0);
});

test('an Atropos trainer pulls what the server itself plays', async () => {
  const run = cli('serve', shop, '--atropos', '0', '--atropos-run', 'mine');
  const [, address] = await run.until(/listening on (\S+)/);
  const [, atropos = ''] = await run.until(/atropos on (\S+)/);
  await using client = await connect({ address: String(address) });
  await client.runs.open('mine', {
    batchSize: { kind: 'rows', rows: 8 },
    autoPlay: { environments: [{ environment: 'shop', groupSize: 4 }], maxAhead: 4 },
  });
  // More than it plays ahead: taking one has to make it play on.
  for (let step = 1; step <= 4; step++) {
    let batch: { scores: number[]; masks: number[][] }[] | null = null;
    const take = async (): Promise<boolean> => {
      batch = (await ask(atropos, '/batch')).body.batch;
      return batch !== null;
    };
    await expect.poll(take, { timeout: 10_000 }).toBe(true);
    expect(batch).toMatchObject([{ env_id: null }, { env_id: null }]);
    expect((await ask(atropos, '/status')).body.current_step).toBe(step);
  }
  run.stop();
  expect(await run.code).toBe(0);
});

test('what --atropos needs is said', async () => {
  const nothing = cli('serve');
  expect(await nothing.code).not.toBe(0);
  expect(nothing.err()).toContain('With --atropos PORT none is needed.');
  const lonely = cli('serve', shop, '--atropos-run', 'mine');
  expect(await lonely.code).not.toBe(0);
  expect(lonely.err()).toMatch(/--atropos: is missing/);
});
