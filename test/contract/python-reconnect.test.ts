import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, describe, expect, test } from 'vitest';
import { root } from '../../scripts/generate.ts';
import { ensurePython, pythonSource } from '../../scripts/python.ts';
import { createMemoryBroker } from '../../src/broker/index.ts';
import { connect, type LachesisClient } from '../../src/client/index.ts';
import { type AuthOptions, startServer } from '../../src/server/index.ts';
import { encodedGroup } from '../support/encoded-group.ts';
import { tcpProxy } from '../support/tcp-proxy.ts';

const python = await ensurePython();
const why = 'skipped' in python ? ` (skipped: ${python.skipped})` : '';
const runtime = mkdtempSync(path.join(tmpdir(), 'lachesis-python-'));
afterAll(() => rmSync(runtime, { recursive: true, force: true }));

const token = 'operator-token-of-this-test-0123456789';
const given: AuthOptions = {
  kind: 'credentials',
  credentials: [{ scope: 'operator', token }],
};

/** A broker that outlives its servers, as one with a store does. */
async function house(auth: AuthOptions, batchLeaseMs = 60_000) {
  const broker = createMemoryBroker({ batchLeaseMs });
  const extended: string[] = [];
  const extend = broker.extendBatch.bind(broker);
  broker.extendBatch = (request) => {
    extended.push(`${request.batchId} of ${request.consumerId}`);
    return extend(request);
  };
  const tokenDirectory = path.join(runtime, 'lachesis');
  const open = (port: number) =>
    startServer({ environments: [], broker, port, auth, tokenDirectory });
  let server = await open(0);
  const { port } = server;
  return {
    broker,
    port,
    /** What was asked for, so far. */
    extended,
    stop: () => server.close(),
    start: async () => {
      server = await open(port);
    },
    client: () =>
      connect({
        address: `http://127.0.0.1:${port}`,
        tokenDirectory,
        ...(auth === given && { token }),
      }),
    [Symbol.asyncDispose]: async () => {
      await server.close();
      await broker.close();
    },
  };
}

type Said = Readonly<Record<string, unknown>>;

/** A Python trainer; `order` resolves with what it said once it was done. */
function trainer(...args: string[]) {
  const script = path.join(root, 'python', 'tests', 'patient_trainer.py');
  const child = spawn('python' in python ? python.python : '', [script, ...args], {
    env: { ...process.env, PYTHONPATH: pythonSource, XDG_RUNTIME_DIR: runtime },
  });
  const said: Said[] = [];
  let err = '';
  let ended = false;
  child.stderr.on('data', (data) => {
    err += String(data);
  });
  child.on('exit', () => {
    ended = true;
  });
  createInterface({ input: child.stdout }).on('line', (line) => said.push(JSON.parse(line)));
  const done = async (what: string): Promise<Said> => {
    const find = () => said.find(({ did }) => did === what);
    await expect
      .poll(() => find() ?? (ended ? { did: err } : undefined), { timeout: 15_000 })
      .toMatchObject({ did: what });
    const found = find()!;
    said.splice(said.indexOf(found), 1);
    return found;
  };
  const begin = (order: string): void => void child.stdin.write(`${order}\n`);
  return {
    done,
    begin,
    order: (order: string): Promise<Said> => {
      begin(order);
      return done(order.split(' ')[0]!);
    },
    /** Of the connection, so far. */
    changes: () => said.flatMap(({ connection }) => connection ?? []),
    [Symbol.asyncDispose]: async () => {
      child.stdin.end();
      const exit = new Promise((resolve) => child.on('exit', resolve));
      if (!ended && child.exitCode === null) {
        const timer = setTimeout(() => child.kill('SIGKILL'), 3_000);
        await exit;
        clearTimeout(timer);
      }
      expect(err).toBe('');
    },
  };
}

async function submitted(client: LachesisClient, ...ids: string[]): Promise<void> {
  await using stream = client.work.submitGroups('run');
  for (const id of ids) await stream.submit(await encodedGroup({ id, runId: 'run', tokens: 900 }));
}

describe.skipIf('skipped' in python)(`a Python trainer${why}`, () => {
  test('goes on after each restart of its server, with the token that it has then', async () => {
    await using served = await house({ kind: 'start_tokens' });
    await using client = await served.client();
    await using trained = trainer(`http://127.0.0.1:${served.port}`, 'run');
    await trained.done('register');
    trained.begin('next');
    await served.stop();
    await expect.poll(trained.changes, { timeout: 5_000 }).toEqual(['lost']);
    await served.start();
    await submitted(client, 'a', 'b');
    expect(await trained.done('next')).toMatchObject({ step: 1 });
    expect(trained.changes()).toEqual(['lost', 'back']);
    await served.stop();
    trained.begin('ack');
    await expect.poll(trained.changes, { timeout: 5_000 }).toHaveLength(3);
    await served.start();
    expect(await trained.done('ack')).toMatchObject({ step: 1 });
    await served.stop();
    trained.begin('commit');
    await served.start();
    expect(await trained.done('commit')).toMatchObject({ version: 1 });
    expect(await trained.order('rewind 1')).toMatchObject({ batches: 0 });
    await served.stop();
    expect(await trained.order('impatient')).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    await served.start();
  });

  test('pulls a batch again that broke off, the same, and notices a peer that is gone', async () => {
    await using served = await house(given);
    await using client = await served.client();
    await using proxy = await tcpProxy(served.port);
    await using trained = trainer(proxy.address, 'run', token);
    await trained.done('register');
    await submitted(client, 'a', 'b');
    proxy.cutAfter(5_000, 'down');
    const { digest } = await trained.order('next');
    expect(trained.changes().slice(0, 2)).toEqual(['lost', 'back']);
    await using twin = await client.batches.register({ runId: 'run', consumerId: 'python' });
    const batch = (await twin.next())!;
    expect(Buffer.from(batch.digest).toString('hex')).toBe(digest);
    expect(batch.delivery).toBe(1);
    await trained.order('ack');
    trained.begin('next');
    await expect.poll(() => proxy.connections).toBe(1);
    const before = trained.changes().length;
    proxy.freeze();
    await expect.poll(() => trained.changes().length, { timeout: 8_000 }).toBeGreaterThan(before);
    await submitted(client, 'c', 'd');
    expect(await trained.done('next')).toMatchObject({ step: 2 });
  });

  test('sends what was not answered once more, and each group is stored once', async () => {
    await using served = await house(given);
    await using proxy = await tcpProxy(served.port);
    await using trained = trainer(proxy.address, 'run', token);
    await trained.done('register');
    proxy.cutAfter(60_000, 'up');
    trained.begin('submit 30');
    await expect.poll(trained.changes, { timeout: 5_000 }).toContain('lost');
    proxy.cutAfter(200, 'down');
    expect(await trained.done('submit')).toMatchObject({ sum: 30, refused: 0 });
    expect(trained.changes().length).toBeGreaterThanOrEqual(4);
    expect(await served.broker.status('run')).toMatchObject({ acceptedGroups: 30 });
  });

  test('keeps the lease of the batch that it works on, and of no other', async () => {
    await using served = await house(given, 3_000);
    await using client = await served.client();
    await using trained = trainer(`http://127.0.0.1:${served.port}`, 'run', token);
    await trained.done('register');
    await submitted(client, 'a', 'b', 'c', 'd');
    await trained.order('next');
    // Every second, without a word of the trainer.
    await expect.poll(() => served.extended.length, { timeout: 5_000 }).toBe(1);
    expect(await trained.order('threads')).toMatchObject({ leases: 1 });
    await trained.order('ack');
    expect(await trained.order('threads')).toMatchObject({ leases: 0 });
    await trained.order('next');
    await expect.poll(() => served.extended.length, { timeout: 5_000 }).toBe(2);
    expect(served.extended).toEqual(['batch-1 of python', 'batch-2 of python']);
    // Nobody can ack it any more.
    await trained.order('drop');
    await expect.poll(() => trained.order('threads')).toMatchObject({ leases: 0 });
  });
});
