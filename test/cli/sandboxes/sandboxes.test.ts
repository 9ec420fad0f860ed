import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { agentRules } from '../../../src/cli/agent-options.ts';
import { connect, lachesisErrorOf } from '../../../src/client/index.ts';
import { cli } from '../support.ts';

const FILE = path.join(import.meta.dirname, 'terminal.ts');

test('process plays in sandboxes, and its rows name them', async () => {
  const out = path.join(mkdtempSync(path.join(tmpdir(), 'lachesis-sandboxes-')), 'r.jsonl');
  const run = cli('process', FILE, '--out', out, '--attempts', '2', '--concurrency', '2');
  expect(`${await run.code}${run.err()}`).toBe('0');
  const rows = readFileSync(out, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(rows).toHaveLength(4);
  for (const row of rows) {
    expect(row).toMatchObject({ reward: 1, provenance: { isolation: 'namespace' } });
    expect(row.provenance.sandbox).toMatchObject({ backend: 'bubblewrap', earlier_uses: 0 });
  }
}, 60_000);

test('simulated sandboxes are played in where they are allowed, and rows and server say so', async () => {
  const out = path.join(mkdtempSync(path.join(tmpdir(), 'lachesis-sandboxes-')), 'r.jsonl');
  const simulated = ['--sandbox', 'just-bash', '--isolation-minimum', 'simulated'];
  const run = cli('process', FILE, '--out', out, ...simulated);
  expect(`${await run.code}${run.err()}`).toBe('0');
  const rows = readFileSync(out, 'utf8').trim().split('\n');
  expect(rows).toHaveLength(2);
  for (const row of rows) {
    const { reward, provenance } = JSON.parse(row);
    expect(reward).toBe(1);
    expect(provenance).toMatchObject({
      isolation: 'simulated',
      sandbox: { backend: 'just-bash', earlier_uses: 0 },
    });
  }
  const server = cli('serve', FILE, '--no-auth', ...simulated);
  const [, address] = await server.until(/listening on (\S+)/);
  await using client = await connect({ address: address ?? '' });
  expect(await client.server.info()).toMatchObject({ isolation: 'simulated' });
  server.stop();
  expect(await server.code).toBe(0);

  const refused = cli('serve', FILE, '--sandbox', 'just-bash');
  expect(await refused.code).toBe(1);
  expect(refused.err()).toMatch(/isolation `simulated`.*at least `namespace`/s);
}, 60_000);

test('serve tells its isolation, and refuses below the minimum before it listens', async () => {
  const run = cli('serve', FILE, '--no-auth');
  const [, address] = await run.until(/listening on (\S+)/);
  await using client = await connect({ address: address ?? '' });
  expect(await client.server.info()).toMatchObject({
    isolation: 'namespace',
    unimplementedMethods: [],
  });
  // Kept: a server that stops takes it back.
  const sandbox = await client.sandboxes.acquire();
  expect(sandbox.isolation).toBe('namespace');
  run.stop();
  expect(await run.code).toBe(0);

  const refused = cli('serve', FILE, '--isolation-minimum', 'strong');
  expect(await refused.code).toBe(1);
  expect(refused.out()).toBe('');
  expect(refused.err()).toMatch(/isolation `namespace`.*at least `strong`.*ALLOW_UNSANDBOXED/s);
}, 60_000);

test('a client of the same user has sandboxes of a server that was started without a word of them', async () => {
  const run = cli('serve', FILE);
  const [, address] = await run.until(/listening on (\S+)/);
  await using client = await connect({ address: address ?? '' });
  const sandbox = await client.sandboxes.acquire();
  const events = await Array.fromAsync(sandbox.exec(['echo', 'hello']));
  expect(events.at(-1)).toMatchObject({ kind: 'exit', exitCode: 0 });
  await sandbox.release();
  run.stop();
  expect(await run.code).toBe(0);
}, 60_000);

test('agents may ask for what the options of serve grant, and by default for nothing', async () => {
  const NETWORKS = [
    [[], 'permission_denied'],
    [['--agent-network'], undefined],
    [['--sandbox-network', 'open'], undefined],
  ] as const;
  for (const [flags, kind] of NETWORKS) {
    const run = cli('serve', FILE, ...flags);
    const [, address] = await run.until(/listening on (\S+)/);
    await using client = await connect({ address: address ?? '' });
    const asked = client.sandboxes.acquire({ network: true });
    expect((await asked.catch(lachesisErrorOf)) as object).toMatchObject(
      kind === undefined ? { isolation: 'namespace' } : { kind, field: 'network' },
    );
    run.stop();
    expect(await run.code).toBe(0);
  }
}, 60_000);

test('images that agents may name are those of the options and the server’s own', () => {
  const values = { 'agent-image': ['a:1', 'b:2'], 'sandbox-image': 'own:1', sandbox: 'docker' };
  expect(agentRules(values, { environment: {} })).toEqual({
    images: ['a:1', 'b:2', 'own:1'],
    network: false,
  });
  expect(agentRules({}, { environment: {} })).toEqual({ images: [], network: false });
});

test('a quick start of no example is refused by the option', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'lachesis-start-'));
  const run = cli('start', '--env', '../../etc/passwd', '--out', folder);
  expect(await run.code).toBe(2);
  expect(run.err()).toMatch(/--env: ".*" is none of the examples/);
});
