import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { createMemoryBroker } from '../../../src/broker/index.ts';
import { main } from '../../../src/cli/main.ts';
import { visible } from '../../../src/cli/visible.ts';
import { startServer } from '../../../src/server/index.ts';
import { never } from '../../broker/support/fixture.ts';
import { assignment, group, settings } from '../../broker/support/groups.ts';
import { makeCertificates } from '../../transport/support/certificates.ts';
import { cli } from '../support.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'lachesis-run-'));
const certificates = makeCertificates();
afterAll(() => {
  certificates?.[Symbol.dispose]();
  rmSync(folder, { recursive: true, force: true });
});
const token = 'operator-token-of-this-test-0123456789';
const credentials = path.join(folder, 'tokens.json');
writeFileSync(credentials, JSON.stringify({ operator: token }), { mode: 0o600 });

/** A server of an empty broker, and how the command finds it. */
async function house(
  more: Partial<Parameters<typeof startServer>[0]> = {},
  limits: { readonly maxOpenBatches?: number } = {},
) {
  const broker = createMemoryBroker({ limits });
  const start = (port: number) =>
    startServer({
      ...{ environments: [], broker, port },
      auth: { kind: 'credentials', credentials: [{ scope: 'operator', token }] },
      ...more,
    });
  let server = await start(0);
  const { port } = server;
  return {
    broker,
    port,
    options: ['--server', `127.0.0.1:${port}`, '--credentials', credentials],
    restart: async () => {
      await server.close();
      server = await start(port);
    },
    [Symbol.asyncDispose]: async () => {
      await server.close();
      await broker.close();
    },
  };
}

/** Two groups trained, two held by a consumer of three ranks, two waiting, one assignment leased and one dead. */
async function busyRun({ broker }: Awaited<ReturnType<typeof house>>): Promise<void> {
  const environments = [{ environment: 'shop', groupSize: 2, split: '', weight: 3 }];
  const autoPlay = { environments, maxAhead: 1, maxBatchesAhead: 0 };
  await broker.openRun(
    'run',
    settings({ batchSize: { kind: 'groups', groups: 2 }, autoPlay, maxStaleness: 3 }),
    0,
  );
  const trainer = { runId: 'run', consumerId: 'trainer' };
  await broker.registerConsumer({ ...trainer, worldSize: 3, mode: 'compete' });
  const submit = (id: string, environment: string, oldestPolicyVersion: number) =>
    broker.submit(group(id, 2, { environment, oldestPolicyVersion }));
  for (const id of ['a', 'b', 'c', 'd']) await submit(id, 'shop', 0);
  const next = () => broker.nextBatch({ ...trainer, rank: 0, waitMs: 0, signal: never });
  await next();
  for (const rank of [0, 1, 2]) await broker.ackBatch({ ...trainer, batchId: 'batch-1', rank });
  await broker.publishPolicyVersion('run', 1);
  await next();
  await broker.ackBatch({ ...trainer, batchId: 'batch-2', rank: 1 });
  await submit('e', 'shop', 1);
  await submit('f', 'evil\u001b[31m\nname', 0);
  await broker.enqueue(['x', 'y'].map((id) => assignment(id, { environment: 'shop' })));
  const lease = { workerId: 'w\u202e1', environments: ['shop'], max: 2, waitMs: 0, signal: never };
  await broker.lease(lease);
  await broker.failAssignment({
    ...{
      runId: 'run',
      workerId: lease.workerId,
      assignmentId: 'x',
      reason: 'broken',
      permanent: true,
    },
  });
}

async function say(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const run = cli('run', ...args);
  return { code: await run.code, out: run.out(), err: run.err() };
}

describe('lachesis run status', () => {
  test('tells what waits, who holds what, how stale it is and how fast it goes', async () => {
    await using served = await house();
    await busyRun(served);
    const { code, out } = await say('status', 'run', ...served.options);
    expect(code).toBe(0);
    const lines = out.replaceAll(/ {2,}/g, '  ').split('\n');
    expect(lines[0]).toBe('run  open, step 1, policy version 1');
    expect(out).toMatch(/waiting {7}2 groups, 4 rows, 40 tokens, the oldest for \d+\.\d s\n/);
    expect(out).toContain('of 2 groups; 1 handed out\n');
    expect(out).toMatch(/coming in {5}[\d.]+ groups\/s, [\d.]+ rows\/s, [\d.]+ tokens\/s over /);
    expect(out).toMatch(/trained {7}[\d.]+ groups\/s, /);
    expect(out).toContain('assignment_failed 1\n');
    expect(out).toContain('dead letters  1\n');
    expect(lines).toContain('shop  1  2  20  100.0 %  100.0 %');
    // A stranger's words neither colour the terminal nor begin a line.
    expect(lines).toContain('evil·[31m⏎name  1  2  20  0.0 %  -');
    expect(lines).toContain('versions behind  0  1');
    expect(lines).toContain('groups waiting  1  1');
    expect(lines).toContain('groups trained  2  0');
    expect(lines).toContain('trainer  2  1 of 3, not 0, 2  120 s left  1');
    expect(lines).toContainEqual(
      expect.stringMatching(/^trainer {2}2 {2}- {2}1 {2}0 {2}\d+\.\d s ago {2}-$/),
    );
    expect(out).toMatch(/^w·1 +1 +\d+\.\d s$/m);
  });

  test('--json is the whole status on one line', async () => {
    await using served = await house();
    await busyRun(served);
    const { out } = await say('status', 'run', '--json', ...served.options);
    expect(out.endsWith('\n')).toBe(true);
    expect(visible(out.trimEnd())).toBe(out.trimEnd());
    expect(JSON.parse(out)).toMatchObject({
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      run: { id: 'run', step: 1 },
      waitingGroups: 2,
      trainedByStaleness: [2],
      waitingByStaleness: [1, 1],
      heldBatches: { first: [{ consumerId: 'trainer', missingRanks: [0, 2] }], more: 0 },
      workers: { first: [{ workerId: 'w\u202e1', assignments: 1 }] },
      shares: { first: [{ environment: 'shop', weight: 3 }, {}] },
      deadLetters: 1,
    });
  });

  test('shows the first of a long list, and how many there are beside them', async () => {
    await using served = await house();
    await served.broker.openRun('run', settings(), 0);
    for (let at = 0; at < 90; at += 1) {
      await served.broker.submit(group(`g${at}`, 1, { environment: `e${at}` }));
    }
    const { out } = await say('status', 'run', ...served.options);
    expect(out.match(/^e\d+ /gm)).toHaveLength(20);
    expect(out).toContain('and 70 more\n');
  });

  test('without a run lists the runs, the newest first', async () => {
    await using served = await house();
    expect((await say('status', ...served.options)).out).toBe(
      `http://127.0.0.1:${served.port} has no runs.\n`,
    );
    await served.broker.openRun('first', settings(), 3);
    await served.broker.openRun('second', settings(), 0);
    await served.broker.closeRun('second');
    const { out } = await say('status', ...served.options);
    expect(out).toMatch(
      /^run +state +step +policy version +opened\nsecond +closed +0 +0 .*\nfirst +open +0 +3 .*\n$/,
    );
    const { out: json } = await say('status', '--json', ...served.options);
    const runs = json.trimEnd().split('\n');
    expect(runs.map((line) => JSON.parse(line).id)).toEqual(['second', 'first']);
  });

  test('says what is wrong by the name of its option', async () => {
    await using served = await house();
    const { options } = served;
    const wrong = async (...args: string[]) => (await say(...args)).err;
    expect(await wrong('status', 'nowhere', ...options)).toContain('There is no run "nowhere"');
    expect(await wrong('look')).toContain(
      'WHAT: is look; give one of status, watch, drop-consumer.',
    );
    expect(await wrong('watch', ...options)).toContain('RUN: is missing');
    expect(await wrong('status', 'a', 'b', ...options)).toContain('RUN: is given twice');
    expect(await wrong('status', '--server', 'http://x/y')).toContain('--server: "http://x/y"');
    const workers = path.join(folder, 'workers.json');
    writeFileSync(workers, JSON.stringify({ worker: token }), { mode: 0o600 });
    const other = ['--server', options[1]!, '--credentials', workers];
    expect(await wrong('status', ...other)).toContain('has no token of "operator"');
    expect(await wrong('status', '--tls-client-key', credentials)).toContain(
      '--tls-client-cert: is missing',
    );
    writeFileSync(workers, JSON.stringify({ operator: 'wrong' }), { mode: 0o600 });
    const refused = await say('status', ...other);
    expect(refused).toMatchObject({ code: 1, out: '' });
    expect(refused.err).toContain('not one of this server');
  });

  test.skipIf(certificates === undefined)('asks over TLS', async () => {
    const { ca, server } = certificates!;
    await using served = await house({ tls: server });
    await served.broker.openRun('over-tls', settings(), 0);
    const file = path.join(folder, 'ca.pem');
    writeFileSync(file, ca);
    const own = ['--server', `https://localhost:${served.port}`, '--credentials', credentials];
    expect((await say('status', ...own, '--tls-ca', file)).out).toContain('over-tls');
    const plain = await say('status', '--server', `http://x`, '--tls-ca', file);
    expect(plain.err).toContain('--tls-ca: is given, but --server is not https://');
  });
});

describe('lachesis run drop-consumer', () => {
  test('takes out who holds a run back, as its status says', async () => {
    await using served = await house({}, { maxOpenBatches: 1 });
    const { broker, options } = served;
    await broker.openRun('run', settings({ batchSize: { kind: 'groups', groups: 1 } }), 0);
    const trainer = { runId: 'run', consumerId: 'trainer', worldSize: 1, mode: 'compete' } as const;
    await broker.registerConsumer(trainer);
    await broker.registerConsumer({ ...trainer, consumerId: 'eval', mode: 'fan_out' });
    for (const id of ['a', 'b']) await broker.submit(group(id));
    const key = { runId: 'run', consumerId: 'trainer', rank: 0 };
    await broker.nextBatch({ ...key, waitMs: 0, signal: never });
    await broker.ackBatch({ ...key, batchId: 'batch-1' });
    const { out } = await say('status', 'run', ...options);
    expect(out.replaceAll(/ {2,}/g, '  ')).toMatch(
      /^eval \(gets all\) {2}1 {2}- {2}1 {2}0 {2}\d+\.\d s ago {2}it has to ack, the oldest cut \d+\.\d s ago$/m,
    );
    const dropped = await say('drop-consumer', 'run', 'eval', ...options);
    expect(dropped).toEqual({
      code: 0,
      out: 'eval is out of run; 1 open batch let go.\n',
      err: '',
    });
    const again = await say('drop-consumer', 'run', 'eval', ...options);
    expect(again).toMatchObject({ code: 0, out: 'eval was taken out of run before.\n' });
    expect(await broker.nextBatch({ ...key, waitMs: 0, signal: never })).toMatchObject({
      kind: 'batch',
    });
    const json = await say('drop-consumer', 'run', 'trainer', '--json', ...options);
    expect(JSON.parse(json.out)).toMatchObject({ consumerId: 'trainer', releasedBatches: 1 });
  });

  test('says what is missing, and who is not there', async () => {
    await using served = await house();
    await served.broker.openRun('run', settings(), 0);
    const wrong = async (...args: string[]) =>
      (await say('drop-consumer', ...args, ...served.options)).err;
    expect(await wrong()).toContain('RUN: is missing');
    expect(await wrong('run')).toContain('CONSUMER: is missing');
    expect(await wrong('run', 'a', 'b')).toContain('CONSUMER: is given twice, as a and b');
    expect(await wrong('run', 'nobody')).toContain('The run has no consumer "nobody"');
  });
});

describe('lachesis run watch', () => {
  test('says a line of JSON per interval, goes on after a restart, and ends with Ctrl-C', async () => {
    await using served = await house();
    await served.broker.openRun('run', settings(), 0);
    const run = cli('run', 'watch', 'run', '--interval', '50', ...served.options);
    await run.until(/(.*\n){2}/);
    await served.restart();
    await served.broker.submit(group('a'));
    await run.until(/"waitingGroups":1,/);
    run.stop();
    expect(await run.code).toBe(0);
    const lines = run.out().trimEnd().split('\n');
    expect(lines.length).toBeGreaterThan(2);
    for (const line of lines) expect(JSON.parse(line).run.id).toBe('run');
    expect(run.err()).toMatch(
      /^the server is away, and is asked again until it is back: .*\nthe server is back after .*\n$/,
    );
  });

  test('ends by itself when the run is closed', async () => {
    await using served = await house();
    await served.broker.openRun('run', settings(), 0);
    const run = cli('run', 'watch', 'run', '--interval', '50', ...served.options);
    await run.until(/\n/);
    await served.broker.closeRun('run');
    expect(await run.code).toBe(0);
    expect(run.out().trimEnd().split('\n').at(-1)).toContain('"closed":true');
  });

  test('is drawn anew on a terminal, no line of it wider than that', async () => {
    await using served = await house();
    await busyRun(served);
    const stop = new AbortController();
    const raw: string[] = [];
    const code = main(['run', 'watch', 'run', '--interval', '50', ...served.options], {
      out: (text) => raw.push(text),
      err: () => {},
      terminal: true,
      columns: 30,
      environment: {},
      signal: stop.signal,
    });
    await expect.poll(() => raw.length).toBeGreaterThan(2);
    stop.abort(new Error('stopped by the test'));
    expect(await code).toBe(0);
    const [clear, first, second] = raw.map((text) => text.replaceAll('\x1b', '·'));
    expect(clear).toBe('·[2J');
    expect(second).toMatch(/^·\[Hrun {2}open, step 1, policy vers·\[K\n.*·\[J$/s);
    const lines = first!.replace('·[H', '').split('·[K\n').slice(0, -1);
    expect(lines.length).toBeGreaterThan(10);
    for (const line of lines) {
      expect(line.length).toBeLessThanOrEqual(30);
      expect(visible(line)).toBe(line);
    }
  });
});
