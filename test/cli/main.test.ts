import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { cli } from './support.ts';

test('without a command, or with help, it teaches', async () => {
  for (const args of [[], ['help'], ['--help']]) {
    const run = cli(...args);
    expect(await run.code).toBe(0);
    expect(run.out()).toMatch(/lachesis start[\s\S]*lachesis serve[\s\S]*lachesis policy/);
  }
});

test('every command has a help with examples', async () => {
  for (const name of ['start', 'serve', 'policy']) {
    const run = cli(name, '--help');
    expect(await run.code).toBe(0);
    expect(run.out()).toMatch(/For example:\n {2}lachesis/);
  }
});

test('the version is that of the package', async () => {
  const run = cli('--version');
  expect(await run.code).toBe(0);
  expect(run.out()).toMatch(/^\d+\.\d+\.\d+/);
});

test.each([
  [['dance'], /There is no command "dance"\. Commands: start, serve, policy/],
  [['serve'], /FILE: is missing/],
  [['serve', 'x.ts', '--colour'], /--colour/],
  [['serve', 'missing.ts'], /There is no file .*missing\.ts/],
  [['serve', 'x.ts', '--set', 'novalue'], /--set: is "novalue"; give NAME=VALUE/],
  [['serve', 'SHOP', '--port', 'high'], /--port: is "high"; give a whole number/],
  [['serve', 'SHOP', '--openai-url', 'http://127.0.0.1:1/v1'], /--openai-model: is missing/],
  [['serve', 'SHOP', '--openai-url', 'nonsense'], /--openai-url: "nonsense" is no URL/],
  [['serve', 'SHOP', '--no-auth', '--credentials', 'f'], /--no-auth: and --credentials exclude/],
  [['serve', 'SHOP', '--tls-cert', 'missing.pem'], /--tls-cert: .*missing\.pem/],
  [['serve', 'SHOP', '--host', '0.0.0.0'], /without credentials/],
  [['serve', 'GSM8K'], /data/],
  [['serve', 'GSM8K', '--data', 'missing.jsonl'], /missing\.jsonl/],
  [['policy', '--fault', 'explode'], /--fault: "explode" is unknown; give drop-stop-token/],
])('%j says what is wrong and fails', async (args, message) => {
  const examples = path.resolve(import.meta.dirname, '../../examples/environments');
  const run = cli(
    ...args.map((arg) =>
      arg === 'SHOP' || arg === 'GSM8K' ? path.join(examples, `${arg.toLowerCase()}.ts`) : arg,
    ),
  );
  expect(await run.code).not.toBe(0);
  expect(run.err()).toMatch(message);
});

test('a file without an environment, and one that throws, are told apart', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'lachesis-cli-'));
  const empty = path.join(folder, 'empty.mjs');
  const broken = path.join(folder, 'broken.mjs');
  writeFileSync(empty, 'export const nothing = 1;');
  writeFileSync(broken, 'throw new Error("no luck");');
  const first = cli('serve', empty);
  expect(await first.code).toBe(1);
  expect(first.err()).toMatch(
    /no environment as its default export.*export default defineEnvironment/,
  );
  const second = cli('serve', broken);
  expect(await second.code).toBe(1);
  expect(second.err()).toMatch(/could not be loaded: no luck/);
});
