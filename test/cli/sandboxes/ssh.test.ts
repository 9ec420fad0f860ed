import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { main } from '../../../src/cli/main.ts';
import { SshHost } from '../../support/ssh/ssh-host.ts';

const FILE = path.join(import.meta.dirname, 'terminal.ts');

let host: SshHost;
beforeEach(async () => {
  host = await SshHost.start();
});
afterEach(() => host[Symbol.asyncDispose]());

/** A command line with variables of its own. */
async function run(args: readonly string[], variables: Readonly<Record<string, string>>) {
  let [out, err] = ['', ''];
  const code = await main([...args], {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    ...{ terminal: false, columns: 80 },
    environment: { LACHESIS_STORE: 'none', ...variables },
    signal: new AbortController().signal,
  });
  return { code, out, err };
}

const seed = (): Record<string, string> => ({
  TERMINAL_ENV: 'ssh',
  TERMINAL_SSH_HOST: '127.0.0.1',
  TERMINAL_SSH_USER: 'worker',
  TERMINAL_SSH_PORT: String(host.port),
  TERMINAL_SSH_KEY: host.options.keyFile ?? '',
});

test("process plays on the host that the seed's variables name, once its isolation is agreed to", async () => {
  const out = path.join(mkdtempSync(path.join(tmpdir(), 'lachesis-ssh-')), 'r.jsonl');
  const args = ['process', FILE, '--out', out, '--ssh-fingerprint', host.key.fingerprint];
  const refused = await run(args, seed());
  expect(refused.code).toBe(1);
  expect(refused.err).toMatch(/`ssh` give isolation `process`.*--isolation-minimum process/s);
  const played = await run([...args, '--isolation-minimum', 'process'], seed());
  expect([played.code, played.err]).toEqual([0, expect.stringMatching(/NO ISOLATION/)]);
  const rows = readFileSync(out, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(rows).toHaveLength(2);
  for (const row of rows) {
    expect(row).toMatchObject({ reward: 1, provenance: { isolation: 'process' } });
    expect(row.provenance.sandbox).toMatchObject({ backend: 'ssh', earlier_uses: 0 });
  }
  expect(await host.folders()).toEqual([]);
  expect(host.unexpected).toEqual([]);
}, 60_000);

test('doctor tells whether the host works, and what would mend it', async () => {
  const variables = {
    LACHESIS_SSH_HOST: '127.0.0.1',
    LACHESIS_SSH_PORT: String(host.port),
    LACHESIS_SSH_USER: 'worker',
    LACHESIS_SSH_KEY: host.options.keyFile ?? '',
  };
  const row = async (more: Readonly<Record<string, string>>, ...args: string[]) => {
    const { code, out } = await run(['doctor', '--json', ...args], { ...variables, ...more });
    const { backends } = JSON.parse(out);
    return [code, backends.find(({ name }: { name: string }) => name === 'ssh')];
  };
  const known = { LACHESIS_SSH_FINGERPRINT: host.key.fingerprint };
  const own = ['--sandbox', 'ssh', '--isolation-minimum', 'process'];
  expect(await row(known, ...own)).toEqual([
    0,
    expect.objectContaining({ works: true, isolation: 'process', isDefault: true }),
  ]);
  const [, unknown] = await row({});
  expect(unknown).toMatchObject({ works: false, remedy: expect.stringContaining('ssh-keyscan') });
  const [, nowhere] = await row({ ...known, LACHESIS_SSH_HOST: '' });
  expect(nowhere).toMatchObject({ works: false, remedy: expect.stringContaining('--ssh-host') });
}, 120_000);
