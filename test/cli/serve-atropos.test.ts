import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { connect } from '../../src/client/index.ts';
import { ask, environment, group, trainer } from '../gateways/atropos/support.ts';
import { cli } from './support.ts';

const shop = path.resolve(import.meta.dirname, '../../examples/environments/shop.ts');

interface Group {
  readonly tokens: readonly (readonly number[])[];
  readonly masks: readonly (readonly number[])[];
  readonly inference_logprobs: readonly (readonly number[])[];
  readonly scores: readonly number[];
}

/** What the server played has masks and fills as Atropos writes them. */
function expectAligned({ tokens, masks, inference_logprobs, scores }: Group): void {
  expect(scores).toHaveLength(tokens.length);
  for (const [i, ids] of tokens.entries()) {
    const trained = masks[i]?.map((mask) => mask !== -100) ?? [];
    expect(masks[i]).toEqual(ids.map((id, at) => (trained[at] ? id : -100)));
    expect(trained).toContain(true);
    expect(trained).toContain(false);
    const logprobs = inference_logprobs[i] ?? [];
    expect(logprobs).toHaveLength(ids.length);
    for (const [at, logprob] of logprobs.entries()) {
      if (trained[at]) expect(logprob).toBeLessThanOrEqual(0);
      else expect(logprob).toBe(1);
    }
  }
}

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
    let batch: Group[] | null = null;
    const take = async (): Promise<boolean> => {
      batch = (await ask(atropos, '/batch')).body.batch;
      return batch !== null;
    };
    await expect.poll(take, { timeout: 10_000 }).toBe(true);
    expect(batch).toMatchObject([{ env_id: null }, { env_id: null }]);
    for (const group of batch ?? []) expectAligned(group);
    expect((await ask(atropos, '/status')).body.current_step).toBe(step);
  }
  run.stop();
  expect(await run.code).toBe(0);
});

test('serve --atropos goes on over its store where it was, with what its trainer and environments said', async () => {
  const store = path.join(mkdtempSync(path.join(tmpdir(), 'lachesis-atropos-')), 'store');
  const serve = async () => {
    const run = cli('serve', '--atropos', '0', '--store', store);
    const [, atropos = ''] = await run.until(/atropos on (\S+)/);
    return { run, atropos };
  };
  const first = await serve();
  await ask(first.atropos, '/register', { body: { ...trainer, starting_step: 7 } });
  await ask(first.atropos, '/batch');
  const env = await ask(first.atropos, '/register-env', { body: environment });
  await ask(first.atropos, '/scored_data', { body: group(4, 5, { env_id: env.body.env_id }) });
  first.run.stop();
  expect(await first.run.code).toBe(0);
  const second = await serve();
  expect((await ask(second.atropos, '/status')).body).toEqual({ current_step: 7, queue_size: 1 });
  expect((await ask(second.atropos, '/wandb_info')).body.project).toBe('project');
  const again = await ask(second.atropos, '/register-env', { body: environment });
  expect(again.body).toMatchObject({ env_id: 1, wandb_name: 'gsm8k_1' });
  expect((await ask(second.atropos, '/batch')).body.batch[0].tokens[0][0]).toBe(5);
  second.run.stop();
  expect(await second.run.code).toBe(0);
  rmSync(path.dirname(store), { recursive: true });
});

test('a port that is taken is told by its option', async () => {
  const first = cli('serve', '--atropos', '0');
  const [, port = ''] = await first.until(/atropos on http:\/\/127\.0\.0\.1:(\d+)/);
  const second = cli('serve', '--atropos', port);
  expect(await second.code).not.toBe(0);
  expect(second.err()).toMatch(/--atropos: \d+ of 127\.0\.0\.1 is in use/);
  first.stop();
  expect(await first.code).toBe(0);
});

test('what --atropos needs is said', async () => {
  const nothing = cli('serve');
  expect(await nothing.code).not.toBe(0);
  expect(nothing.err()).toContain('With --atropos PORT none is needed.');
  const lonely = cli('serve', shop, '--atropos-run', 'mine');
  expect(await lonely.code).not.toBe(0);
  expect(lonely.err()).toMatch(/--atropos: is missing/);
});
