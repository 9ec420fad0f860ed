import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { EVERY_KEY, environment, group, startTestGateway, trainer } from './support.ts';

test('before anybody registered, every route answers as a fresh Atropos does', async () => {
  await using server = await startTestGateway();
  const bodies = async (...paths: string[]) =>
    await Promise.all(paths.map(async (path) => (await server.ask(path)).body));
  expect(await bodies('/', '/info', '/wandb_info', '/status', '/batch', '/latest_example')).toEqual(
    [
      { message: 'AtroposLib API' },
      { batch_size: -1, max_token_len: -1 },
      { group: null, project: null },
      { current_step: 0, queue_size: 0 },
      { status: 'error', message: 'Trainer not registered. Call /register first.', batch: [] },
      {
        tokens: [],
        masks: [],
        scores: [],
        advantages: [],
        ref_logprobs: [],
        generation_params: [],
        inference_logprobs: [],
        messages: [],
        images: [],
      },
    ],
  );
  expect((await server.ask('/register-env', { body: environment })).body).toEqual({
    status: 'wait for trainer to start',
  });
  expect((await server.ask('/disconnect-env', { body: { env_id: 0 } })).body).toMatchObject({
    status: 'failure',
    error: expect.any(String),
  });
});

test('environments wait for the trainer to ask for its first batch', async () => {
  await using server = await startTestGateway();
  const registered = await server.ask('/register', { body: { ...trainer, starting_step: 30 } });
  expect(Number.isSafeInteger(registered.body.uuid)).toBe(true);
  const register = async () => (await server.ask('/register-env', { body: environment })).body;
  expect(await register()).toEqual({ status: 'wait for trainer to start' });
  expect((await server.ask('/batch')).body).toEqual({ batch: null });
  const wanted = {
    status: 'success',
    env_id: 0,
    wandb_name: 'gsm8k_0',
    checkpoint_dir: '/tmp/checkpoints',
    starting_step: 30,
    checkpoint_interval: 10,
    num_steps: 100,
  };
  expect(await register()).toEqual(wanted);
  expect(await register()).toEqual({ ...wanted, env_id: 1, wandb_name: 'gsm8k_1' });
  expect((await server.ask('/info')).body).toEqual({ batch_size: 4, max_token_len: 2048 });
  expect((await server.ask('/wandb_info')).body).toEqual({ group: 'group', project: 'project' });
});

test('a second registration changes nothing and gets another uuid', async () => {
  await using server = await startTestGateway();
  const first = await server.ask('/register', { body: trainer });
  const second = await server.ask('/register', {
    body: { ...trainer, batch_size: 8, wandb_group: 'other', starting_step: 5 },
  });
  expect(second.body.uuid).not.toBe(first.body.uuid);
  expect((await server.ask('/info')).body.batch_size).toBe(4);
  expect((await server.ask('/wandb_info')).body.group).toBe('group');
  expect((await server.ask('/status')).body.current_step).toBe(0);
});

test('batches come oldest first, exact, with every key, and null when the queue is short', async () => {
  await using server = await startTestGateway();
  await server.begin(4, { starting_step: 10 });
  const env = await server.register();
  for (const mark of [1, 2, 3, 4, 5]) {
    expect((await server.push(group(2, mark, { env_id: env }))).body).toEqual({
      status: 'received',
    });
  }
  expect((await server.ask('/status')).body).toEqual({ current_step: 10, queue_size: 5 });
  const marks = async () => {
    const { body } = await server.ask('/batch');
    return body.batch?.map(({ tokens }: { tokens: number[][] }) => tokens[0]?.[0]) ?? null;
  };
  expect(await marks()).toEqual([1, 2]);
  expect((await server.ask('/status')).body).toEqual({ current_step: 11, queue_size: 3 });
  const { body } = await server.ask('/batch');
  expect(Object.keys(body.batch[0])).toEqual(EVERY_KEY);
  expect(body.batch[0]).toEqual({
    ...Object.fromEntries(EVERY_KEY.map((key) => [key, null])),
    ...group(2, 3),
    env_id: env,
  });
  expect(await marks()).toBeNull();
  expect((await server.ask('/status')).body).toEqual({ current_step: 12, queue_size: 1 });
  expect((await server.ask('/latest_example')).body.tokens[0][0]).toBe(5);
});

test('groups of any size fill exact batches and an odd one blocks nobody', async () => {
  await using server = await startTestGateway();
  await server.begin(8);
  const env = await server.register('odd', { group_size: 4 });
  const sizes = [4, 3, 4, 5, 1, 8, 2, 6, 4, 3];
  for (const [i, size] of sizes.entries()) {
    expect((await server.push(group(size, 100 + i, { env_id: env }))).body.status).toBe('received');
  }
  const seen: number[] = [];
  for (;;) {
    const { batch } = (await server.ask('/batch')).body;
    if (batch === null) break;
    const sequences = batch.map(({ tokens }: { tokens: number[][] }) => tokens.length);
    expect(sequences.reduce((sum: number, each: number) => sum + each, 0)).toBe(8);
    seen.push(...batch.map(({ tokens }: { tokens: number[][] }) => tokens[0]?.[0]));
  }
  expect(seen.toSorted((a, b) => a - b)).toEqual(sizes.map((_, i) => 100 + i));
});

test('a list is taken whole, or refused whole with the place of what is wrong', async () => {
  await using server = await startTestGateway();
  await server.begin(4);
  const list = [group(2, 1), group(2, 2)];
  expect((await server.ask('/scored_data_list', { body: list })).body).toEqual({
    status: 'received',
    groups_processed: 2,
  });
  const wrong = [group(2, 3), group(5, 4)];
  const refused = await server.ask('/scored_data_list', { body: wrong });
  expect([refused.status, refused.body.detail[0].loc]).toEqual([422, ['body', 1, 'tokens']]);
  expect((await server.ask('/scored_data_list', { body: [] })).body.groups_processed).toBe(0);
  expect((await server.ask('/status')).body.queue_size).toBe(2);
});

test('a group larger than a batch is refused, and the others go on', async () => {
  await using server = await startTestGateway();
  await server.begin(4);
  const refused = await server.push(group(5));
  expect(refused.status).toBe(422);
  expect(refused.body.detail[0]).toMatchObject({
    loc: ['body', 'tokens'],
    msg: expect.stringContaining('never split'),
  });
  await server.push(group(4, 9));
  expect((await server.ask('/batch')).body.batch[0].tokens[0][0]).toBe(9);
});

test('requests and answers are gzipped as in Atropos: answers from 1,000 bytes on', async () => {
  await using server = await startTestGateway();
  await server.begin(4);
  const body = gzipSync(JSON.stringify(group(4, 3, { images: 'x'.repeat(2_000) })));
  const headers = { 'content-encoding': 'gzip' };
  const pushed = await server.ask('/scored_data', { bytes: body, headers });
  expect(pushed.body).toEqual({ status: 'received' });
  const accept = { headers: { 'accept-encoding': 'gzip, deflate' } };
  expect((await server.ask('/info', accept)).headers['content-encoding']).toBeUndefined();
  const latest = await server.ask('/latest_example', accept);
  expect(latest.headers['content-encoding']).toBe('gzip');
  const batch = await server.ask('/batch', accept);
  expect(batch.headers['content-encoding']).toBe('gzip');
  expect(batch.body.batch[0]).toEqual(latest.body);
});

test('the status of an environment is asked with a body, with a query and with POST', async () => {
  await using server = await startTestGateway();
  await server.begin(4);
  const env = await server.register();
  const wanted = {
    current_step: 0,
    queue_size: 0,
    unallocated_fraction: 1,
    self_queue_size: 0,
    max_group_size: 1,
    env_weight: 1,
  };
  const body = { env_id: env };
  expect((await server.ask('/status-env', { method: 'GET', body })).body).toEqual(wanted);
  expect((await server.ask('/status-env', { body })).body).toEqual(wanted);
  expect((await server.ask(`/status-env?env_id=${env}`)).body).toEqual(wanted);
  const missing = await server.ask('/status-env');
  expect([missing.status, missing.body.detail[0].type]).toEqual([422, 'missing']);
});

test('a reset closes the run, keeps its groups, and the next registration opens another', async () => {
  await using server = await startTestGateway();
  await server.begin(4);
  await server.push(group(4, 1));
  const reset = await server.ask('/reset_data');
  expect([reset.status, reset.text]).toEqual([200, 'Reset successful']);
  expect((await server.ask('/status')).body).toEqual({ current_step: 0, queue_size: 0 });
  expect((await server.ask('/batch')).body.status).toBe('error');
  await server.begin(2);
  await server.push(group(2, 2));
  expect((await server.ask('/batch')).body.batch[0].tokens[0][0]).toBe(2);
  const runs = await server.broker.listRuns();
  expect(runs.map(({ id, closed }) => [id, closed])).toEqual([
    ['atropos.2', false],
    ['atropos', true],
  ]);
  expect((await Array.fromAsync(server.broker.scanGroups('atropos', 0))).length).toBe(1);
});

test('what is no route, no method or comes from a web page is refused', async () => {
  await using server = await startTestGateway();
  expect(await server.ask('/nothing')).toMatchObject({
    status: 404,
    body: { detail: 'Not Found' },
  });
  const method = await server.ask('/register');
  expect(method).toMatchObject({ status: 405, body: { detail: 'Method Not Allowed' } });
  expect(method.headers.allow).toBe('POST');
  const link = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' };
  expect((await server.ask('/reset_data', { headers: link })).status).toBe(403);
  const rebound = { host: 'evil.example' };
  expect((await server.ask('/status', { headers: rebound })).status).toBe(403);
  const page = { origin: 'http://evil.example' };
  expect((await server.ask('/status', { headers: page })).status).toBe(403);
});
