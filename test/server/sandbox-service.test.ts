import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Code } from '@connectrpc/connect';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connect, type LachesisClient, lachesisErrorOf } from '../../src/client/index.ts';
import {
  createBubblewrapBackend,
  createSandboxPool,
  type SandboxBackend,
  type SandboxPool,
  type SandboxSpec,
} from '../../src/sandbox/index.ts';
import { AgentLeases } from '../../src/server/agent-leases.ts';
import { type LachesisServer, startServer } from '../../src/server/index.ts';
import { manualClock } from '../support/manual-clock.ts';

const TOKENS = {
  one: 'agent-one-0123456789',
  two: 'agent-two-0123456789',
  op: 'operator-0123456789',
};

let backend: SandboxBackend;
let pool: SandboxPool;
let server: LachesisServer;
let one: LachesisClient;
let two: LachesisClient;

beforeAll(async () => {
  backend = createBubblewrapBackend();
  pool = createSandboxPool({ backend, maxTotal: 8 });
  server = await startServer({
    environments: [],
    sandboxes: pool,
    auth: {
      kind: 'credentials',
      credentials: [
        { scope: 'agent', token: TOKENS.one },
        { scope: 'agent', token: TOKENS.two },
        { scope: 'operator', token: TOKENS.op },
      ],
    },
    tokenDirectory: mkdtempSync(path.join(tmpdir(), 'lachesis-test-')),
  });
  one = await connect({ address: server.address, token: TOKENS.one });
  two = await connect({ address: server.address, token: TOKENS.two });
});
afterAll(async () => {
  await one[Symbol.asyncDispose]();
  await two[Symbol.asyncDispose]();
  await server.close();
  await pool.drain({ graceMs: 0 });
  await backend[Symbol.asyncDispose]();
});

async function run(sandbox: Awaited<ReturnType<typeof acquire>>, script: string, options = {}) {
  let out = '';
  for await (const event of sandbox.exec(['bash', '-c', script], options)) {
    if (event.kind === 'exit') return { ...event, out };
    out += new TextDecoder().decode(event.bytes);
  }
  throw new Error('no exit');
}

const acquire = (client: LachesisClient, leaseId?: string) =>
  client.sandboxes.acquire(leaseId === undefined ? {} : { leaseId });

test('a command runs in the sandbox and tells its output and its end', async () => {
  await using sandbox = await acquire(one);
  expect(sandbox).toMatchObject({ isolation: 'namespace', backend: 'bubblewrap' });
  const stdin = new TextEncoder().encode('given');
  const done = await run(sandbox, 'cat; echo " $A $PWD"; exit 3', { env: { A: 'b' }, stdin });
  expect(done).toMatchObject({ exitCode: 3, timedOut: false, out: `given b ${sandbox.workdir}\n` });
  const late = await run(sandbox, 'echo begun; sleep 30', { commandTimeoutMs: 200 });
  expect(late).toMatchObject({ exitCode: 124, timedOut: true, out: 'begun\n' });
  const cut = await run(sandbox, 'head -c 100000 /dev/zero | tr "\\0" x', { maxOutputBytes: 10 });
  expect(cut).toMatchObject({ exitCode: 0, outputTruncated: true, out: 'xxxxxxxxxx' });
});

test('what is wrong with a command is told by the field of the request', async () => {
  await using sandbox = await acquire(one);
  const field = async (options: object) =>
    lachesisErrorOf(await run(sandbox, '', options).catch((error: unknown) => error)).field;
  expect(await field({ env: { 1: 'a' } })).toBe('environment["1"]');
  expect(await field({ cwd: 'a' })).toBe('working_directory');
  expect(await field({ commandTimeoutMs: 2 ** 40 })).toBe('timeout');
});

test('asking twice by one id gives the same sandbox, and another credential none', async () => {
  const leaseId = 'lease-0123456789-a';
  await using first = await acquire(one, leaseId);
  await run(first, 'echo secret > note');
  const again = await acquire(one, leaseId);
  expect((await run(again, 'cat note')).out).toBe('secret\n');
  await using other = await acquire(two, leaseId);
  expect((await run(other, 'ls')).out).toBe('');
  await other.release();
  const error = await run(other, 'ls').catch(lachesisErrorOf);
  expect(error).toMatchObject({ kind: 'not_found', reason: 'LEASE_UNKNOWN' });
  // The first one's is untouched by what the other did under the same id.
  expect((await run(first, 'cat note')).out).toBe('secret\n');
});

test('an id that can be guessed, and another credential than an agent’s, are refused', async () => {
  await expect(acquire(one, 'short')).rejects.toMatchObject({ code: Code.InvalidArgument });
  await using operator = await connect({ address: server.address, token: TOKENS.op });
  await expect(acquire(operator)).rejects.toMatchObject({ code: Code.PermissionDenied });
});

test.each([
  [{ image: '/' }, 'AGENT_IMAGE_DENIED', 'image', /--agent-image/],
  [{ network: true }, 'AGENT_NETWORK_DENIED', 'network', /--agent-network/],
])('an agent may not ask for %j that nobody granted', async (wish, reason, field, fix) => {
  const error = await one.sandboxes.acquire(wish).catch(lachesisErrorOf);
  expect(error).toMatchObject({ kind: 'permission_denied', reason, field });
  expect(error).toHaveProperty('message', expect.stringMatching(fix));
  expect(pool.stats().leased).toBe(0);
});

test('what the operator granted an agent has, and no more', async () => {
  const asked: SandboxSpec[] = [];
  const watched: SandboxPool = {
    ...pool,
    backend,
    acquire: (spec, request) => {
      asked.push(spec);
      return pool.acquire({}, request);
    },
  };
  const rules = { images: ['python:3'], network: true };
  await using leases = new AgentLeases({ pool: watched, rules });
  const { signal } = new AbortController();
  const wish = { image: 'python:3', network: 'open' } as const;
  await leases.acquire('me', 'a'.repeat(20), wish, signal);
  expect(asked).toEqual([wish]);
  await expect(
    leases.acquire('me', 'b'.repeat(20), { image: 'python:3.1' }, signal),
  ).rejects.toMatchObject({ kind: 'permission_denied', field: 'image' });
  expect(asked).toHaveLength(1);
});

test('archives go both ways', async () => {
  await using from = await acquire(one);
  await using to = await acquire(one);
  await run(from, 'mkdir d && head -c 3000000 /dev/urandom > d/f && sha256sum < d/f > sum');
  const size = await to.putArchive(to.workdir, from.getArchive(`${from.workdir}/d`));
  expect(size).toBeGreaterThan(3_000_000);
  expect((await run(to, 'sha256sum < d/f')).out).toBe((await run(from, 'cat sum')).out);
});

test('an archive whose sender leaves is there as far as it came, and the sandbox goes on', async () => {
  await using sandbox = await acquire(one);
  const home = sandbox.workdir;
  await run(sandbox, 'mkdir d && head -c 3000000 /dev/urandom > d/b');
  const tar = Buffer.concat(await Array.fromAsync(sandbox.getArchive(`${home}/d`)));
  const leave = new AbortController();
  async function* half() {
    yield tar.subarray(0, 1_500_000);
    // The first pieces are in the sandbox by then.
    while (!(await run(sandbox, 'test -s to/d/b && echo yes')).out) await sleep(10);
    leave.abort();
    yield tar.subarray(1_500_000);
  }
  const sent = sandbox.putArchive(`${home}/to`, half(), { signal: leave.signal });
  await expect(sent).rejects.toMatchObject({ code: Code.Canceled });
  const { out } = await run(sandbox, 'stat -c %s to/d/b');
  expect(Number(out)).toBeGreaterThan(0);
  expect(Number(out)).toBeLessThan(3_000_000);
});

test('a reader that stops holds the command back', async () => {
  await using sandbox = await acquire(one);
  const events = sandbox.exec([
    'bash',
    '-c',
    'for i in {1..400}; do head -c 65536 /dev/zero; echo $i > n; done',
  ]);
  await events.next();
  await sleep(300);
  const first = Number((await run(sandbox, 'cat n')).out);
  await sleep(200);
  expect(Number((await run(sandbox, 'cat n')).out)).toBe(first);
  expect(first).toBeLessThan(400);
  await events.return();
});

test('a caller that leaves ends the whole process group within a second', async () => {
  await using sandbox = await acquire(one);
  const events = sandbox.exec([
    'bash',
    '-c',
    'trap "" TERM; (trap "" TERM; sleep 31.5) & echo up; wait',
  ]);
  await events.next();
  const count = async () => (await run(sandbox, 'pgrep -fc "^sleep 31[.]5"')).out.trim();
  expect(await count()).toBe('1');
  const leftAt = performance.now();
  await events.return();
  while ((await count()) !== '0' && performance.now() - leftAt < 3_000) await sleep(20);
  expect(performance.now() - leftAt).toBeLessThan(1_000);
});

test('a lease that nobody uses ends, one in use does not, and a caller has only so many', async () => {
  const clock = manualClock();
  const small = createSandboxPool({ backend, maxTotal: 4 });
  const leases = new AgentLeases({ pool: small, holdMs: 1_000, maxPerCaller: 2, clock });
  const { signal } = new AbortController();
  const [a, b] = ['a'.repeat(20), 'b'.repeat(20)];
  await leases.acquire('me', a, {}, signal);
  await leases.acquire('me', b, {}, signal);
  await expect(leases.acquire('me', 'c'.repeat(20), {}, signal)).rejects.toMatchObject({
    reason: 'TOO_MANY_LEASES',
  });
  const using = Promise.withResolvers<void>();
  const busy = leases.use('me', b, () => using.promise);
  await clock.advance(1_001);
  await expect(leases.use('me', a, async () => 1)).rejects.toMatchObject({ kind: 'not_found' });
  expect(await leases.use('me', b, async () => 1)).toBe(1);
  using.resolve();
  await busy;
  await leases[Symbol.asyncDispose]();
  expect(small.stats().leased).toBe(0);
  await small.drain({ graceMs: 0 });
});
