import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import * as http from 'node:http';
import * as net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { createMemoryBroker } from '../../../src/broker/index.ts';
import { settings } from '../../broker/support/groups.ts';
import { environment, group, startTestGateway, trainer } from './support.ts';

/** Asks for a batch and hangs up after the first bytes of its answer. */
function hangUp(address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = http.get(`${address}/batch`, { agent: false }, (response) => {
      response.once('data', () => {
        response.on('error', () => {});
        request.destroy();
        resolve();
      });
    });
    request.on('error', reject);
  });
}

/** More than the socket's buffers hold, so that its reader is needed. */
const large = (mark: number) => group(1, mark, { images: 'x'.repeat(12 * 2 ** 20) });

test('a trainer whose connection breaks gets the same batch again, and its step counts once', async () => {
  await using server = await startTestGateway();
  await server.begin(1);
  await server.push(large(1));
  await server.push(large(2));
  await hangUp(server.address);
  await expect.poll(async () => (await server.broker.status('atropos')).leasedBatches).toBe(1);
  const first = await server.ask('/batch');
  expect(first.body.batch[0].tokens[0][0]).toBe(1);
  expect((await server.ask('/status')).body.current_step).toBe(1);
  expect((await server.ask('/batch')).body.batch[0].tokens[0][0]).toBe(2);
  expect((await server.ask('/status')).body.current_step).toBe(2);
  await expect.poll(async () => (await server.broker.getRun('atropos')).step).toBe(2);
});

test('a trainer that dies with a small answer in its buffers gets the batch again', async () => {
  await using server = await startTestGateway({ limits: { quietMs: 5_000 } });
  await server.begin(2);
  await server.push(group(2, 1));
  await server.push(group(2, 2));
  const socket = net.connect(server.gateway.port, '127.0.0.1');
  socket.on('error', () => {});
  socket.write('GET /batch HTTP/1.1\r\nhost: localhost\r\n\r\n');
  const step = async () => (await server.ask('/status')).body.current_step;
  await expect.poll(step, { timeout: 10_000 }).toBe(1);
  // As a kernel does for a killed process that had not read all.
  socket.resetAndDestroy();
  const marks: number[] = [];
  const take = async (): Promise<number> => {
    const { batch } = (await server.ask('/batch')).body;
    if (batch !== null) marks.push(batch[0].tokens[0][0]);
    return marks.length;
  };
  await expect.poll(take, { timeout: 10_000 }).toBe(2);
  expect(marks.toSorted()).toEqual([1, 2]);
  expect(await step()).toBe(2);
});

test('a reader that stands still loses its batch to the next', async () => {
  await using server = await startTestGateway({ limits: { writeStallMs: 200 } });
  await server.begin(1);
  await server.push(large(1));
  const broken = new Promise<void>((resolve) => {
    http.get(`${server.address}/batch`, { agent: false }, (response) => {
      response.pause();
      response.on('error', () => resolve());
      response.on('close', () => resolve());
      setTimeout(() => response.resume(), 1_000);
    });
  });
  await broken;
  expect((await server.ask('/batch')).body.batch[0].tokens[0][0]).toBe(1);
});

test('a trainer that keeps its connection gets batch after batch without a pause', async () => {
  await using server = await startTestGateway({
    limits: { quietMs: 60_000, maxBatchesInWriting: 1 },
  });
  await server.begin(1);
  for (let mark = 0; mark < 5; mark++) await server.push(group(1, mark));
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const take = () =>
    new Promise<string>((resolve, reject) => {
      const request = http.get(`${server.address}/batch`, { agent }, (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => {
          text += chunk;
        });
        response.on('end', () => resolve(text));
      });
      request.on('error', reject);
    });
  for (let mark = 0; mark < 5; mark++) {
    expect(JSON.parse(await take()).batch[0].tokens[0][0]).toBe(mark);
  }
  agent.destroy();
});

test('a run that an operator closed is followed by another, of its own steps', async () => {
  await using server = await startTestGateway();
  await server.begin(1, { starting_step: 5 });
  await server.push(group(1, 1));
  await server.ask('/batch');
  await server.broker.closeRun('atropos');
  expect((await server.push(group(1, 2))).status).toBe(409);
  expect((await server.ask('/batch')).body.message).toContain('atropos is closed');
  await server.begin(2, { starting_step: 0 });
  expect((await server.ask('/status')).body.current_step).toBe(0);
  expect((await server.ask('/info')).body.batch_size).toBe(2);
  await server.push(group(2, 3));
  expect((await server.ask('/batch')).body.batch[0].tokens[0][0]).toBe(3);
});

test('two trainers that ask at once get different batches', async () => {
  await using server = await startTestGateway();
  await server.begin(2);
  for (const mark of [1, 2, 3, 4]) await server.push(group(2, mark));
  const answers = await Promise.all([1, 2, 3, 4, 5].map(() => server.ask('/batch')));
  const marks = answers.map(({ body }) => body.batch?.[0].tokens[0][0] ?? 0);
  expect(marks.toSorted()).toEqual([0, 1, 2, 3, 4]);
});

test('a gateway that starts again serves the run that it finds: its batches, its step, its size', async () => {
  await using broker = await disposable();
  {
    await using before = await startTestGateway({ broker });
    await before.begin(2);
    await before.push(group(2, 1));
    await before.push(group(2, 2));
    expect((await before.ask('/batch')).body.batch[0].tokens[0][0]).toBe(1);
  }
  await using after = await startTestGateway({ broker });
  expect((await after.ask('/status')).body).toEqual({ current_step: 1, queue_size: 1 });
  expect((await after.ask('/info')).body.batch_size).toBe(2);
  expect((await after.ask('/batch')).body.batch[0].tokens[0][0]).toBe(2);
  const registered = await after.ask('/register', {
    body: { ...trainer, batch_size: 9, max_token_len: 64, starting_step: 41 },
  });
  expect(registered.status).toBe(200);
  expect((await after.ask('/info')).body).toEqual({ batch_size: 2, max_token_len: 64 });
  await expect.poll(async () => (await after.ask('/status')).body.current_step).toBe(41);
});

test('what a trainer said is known again after a restart, where there is a file for it', async () => {
  await using broker = await disposable();
  const folder = mkdtempSync(path.join(tmpdir(), 'lachesis-atropos-'));
  const sessionFile = path.join(folder, 'registration');
  const said = { starting_step: 40, checkpoint_dir: 'here', num_steps: 99 };
  {
    await using before = await startTestGateway({ broker, sessionFile });
    await before.begin(2, said);
    await before.push(group(2, 1));
    await before.ask('/batch');
  }
  {
    await using after = await startTestGateway({ broker, sessionFile });
    expect((await after.ask('/status')).body.current_step).toBe(41);
    expect((await after.ask('/info')).body).toEqual({ batch_size: 2, max_token_len: 2048 });
    expect((await after.ask('/wandb_info')).body).toEqual({ group: 'group', project: 'project' });
    const registered = await after.ask('/register-env', { body: environment });
    expect(registered.body).toMatchObject({ starting_step: 41, checkpoint_dir: 'here' });
  }
  writeFileSync(sessionFile, '{"run_id": 3');
  await using broken = await startTestGateway({ broker, sessionFile });
  expect((await broken.ask('/status')).body.current_step).toBe(1);
  rmSync(folder, { recursive: true });
});

test('a push that meets a reset or a registration is taken, by the run or by the next', async () => {
  await using server = await startTestGateway();
  const statuses = new Set<number>();
  for (let turn = 0; turn < 8; turn++) {
    const pushes = Array.from({ length: 6 }, (_, i) => server.push(group(1, turn * 6 + i)));
    const paths = [['/reset_data'], ['/register', { body: trainer }], ['/reset_data']] as const;
    const others = paths.map(([path, sent]) => server.ask(path, sent));
    for (const { status } of await Promise.all([...pushes, ...others])) statuses.add(status);
  }
  expect([...statuses]).toEqual([200]);
});

test('groups pushed before any registration wait for it', async () => {
  await using server = await startTestGateway();
  for (const mark of [1, 2]) {
    expect((await server.push(group(2, mark, { env_id: 0 }))).body).toEqual({ status: 'received' });
  }
  await server.push(group(3, 3));
  expect((await server.ask('/status')).body).toEqual({ current_step: 0, queue_size: 3 });
  await server.ask('/register', {
    body: { ...trainer, batch_size: 2 },
  });
  const marks = [];
  for (let i = 0; i < 3; i++) marks.push((await server.ask('/batch')).body.batch?.[0].tokens[0][0]);
  // The third does not fit its batches; its push was answered before that was known.
  expect(marks).toEqual([1, 2, undefined]);
});

test('groups pushed before any registration are bounded, and told to come again', async () => {
  await using server = await startTestGateway({ limits: { maxEarlySequences: 3 } });
  expect((await server.push(group(2))).status).toBe(200);
  const refused = await server.push(group(2));
  expect([refused.status, refused.headers['retry-after']]).toEqual([503, '5']);
  expect((await server.push(group(1))).status).toBe(200);
});

test('groups that find no room when their run opens wait for it, and none is lost', async () => {
  await using server = await startTestGateway({ limits: { maxWaitingGroups: 1 } });
  for (const mark of [1, 2, 3]) await server.push(group(1, mark));
  await server.ask('/register', { body: { ...trainer, batch_size: 1 } });
  const marks: number[] = [];
  const take = async (): Promise<number> => {
    const { batch } = (await server.ask('/batch')).body;
    if (batch !== null) marks.push(batch[0].tokens[0][0]);
    return marks.length;
  };
  await expect.poll(take, { timeout: 10_000 }).toBe(3);
  expect(marks).toEqual([1, 2, 3]);
});

test('a push waits while the queue is full, and goes on when a batch leaves', async () => {
  await using server = await startTestGateway({ limits: { maxWaitingGroups: 2 } });
  await server.begin(2);
  await server.push(group(2, 1));
  await server.push(group(2, 2));
  let answered = false;
  const third = server.push(group(2, 3)).then((answer) => {
    answered = true;
    return answer;
  });
  expect((await server.ask('/status')).body.queue_size).toBe(2);
  expect(answered).toBe(false);
  await server.ask('/batch');
  expect((await third).body).toEqual({ status: 'received' });
});

test('a push that finds no room in time is answered with 503, and sent again it is stored once', async () => {
  const limits = { maxWaitingGroups: 2, pushWaitMs: 50 };
  await using server = await startTestGateway({ limits });
  await server.begin(2);
  await server.push(group(2, 1));
  const list = { body: [group(2, 2), group(2, 3)] };
  expect((await server.ask('/scored_data_list', list)).status).toBe(503);
  await server.ask('/batch');
  expect((await server.ask('/scored_data_list', list)).body).toEqual({
    status: 'received',
    groups_processed: 2,
  });
  const marks = [];
  for (let i = 0; i < 3; i++) {
    marks.push((await server.ask('/batch')).body.batch?.[0].tokens[0][0]);
  }
  expect(marks).toEqual([2, 3, undefined]);
});

test('the same group pushed twice is two groups, when its first answer was read', async () => {
  await using server = await startTestGateway();
  await server.begin(2);
  await server.push(group(2, 1));
  await server.push(group(2, 1));
  expect((await server.ask('/status')).body.queue_size).toBe(2);
});

test('a run that counts tokens is not served: its trainer would not get a number of sequences', async () => {
  await using server = await startTestGateway();
  await server.broker.openRun(
    'atropos',
    settings({ batchSize: { kind: 'tokens', tokens: 64 } }),
    0,
  );
  expect((await server.ask('/register', { body: trainer })).status).toBe(409);
  expect((await server.ask('/batch')).body.detail).toContain('counts its batches in tokens');
});

async function disposable() {
  const broker = createMemoryBroker();
  return Object.assign(broker, { [Symbol.asyncDispose]: () => broker.close() });
}
