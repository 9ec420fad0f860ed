import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { SCOPES } from '../../src/server/index.ts';
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
  [['dance'], /There is no command "dance"\. Commands: start, serve, worker, policy/],
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
  [['serve', 'SHOP', '--store', ''], /--store: is empty\. Give --store a value, or leave it out/],
  [['serve', 'SHOP', '--state', ''], /--state: is empty/],
  [['serve', 'SHOP', '--config', ''], /--config: is empty/],
  [['start', '--out', ''], /--out: is empty/],
  [['policy', '--keep', ''], /--keep: is empty/],
  [['store', 'stats', ''], /is empty; give a name/],
  [['start', 'extra'], /Unexpected argument 'extra'/],
  [['policy', 'extra'], /Unexpected argument 'extra'/],
  [
    ['serve', 'SHOP', '--tls-cert', 'SECRET', '--tls-key', 'SECRET'],
    /--tls-cert: or --tls-key can't/,
  ],
  [['serve', 'SHOP', '--credentials', 'SECRET'], /--credentials: .* holds no tokens by scope/],
  [['serve', 'SHOP', '--credentials', 'NOTHING'], /--credentials: .* holds no tokens by scope/],
  [['serve', 'SHOP', '--credentials', 'NUMBER'], /--credentials: .*the token of "operator"/],
  [['serve', 'SHOP', '--credentials', 'OPEN'], /can be read by other users\. Run: chmod 600/],
  [['serve', 'GSM8K'], /data/],
  [['serve', 'GSM8K', '--data', 'missing.jsonl'], /missing\.jsonl/],
  [['serve', 'GSM8K'], /settings\.data: .*Give it with --data PATH/],
  [['serve', 'GSM8K', '--data', 'EMPTY'], /`gsm8k` has no task\. Check --data .*empty\.jsonl/],
  [['serve', 'SHOP', '--data', 'x.jsonl'], /--set data: is a setting of no environment here/],
  [['serve', 'GSM8K', '--set', 'dta=3'], /--set dta: .*Their settings: data\./],
  [['serve', 'SHOP', '--rollouts', 'FOLDER'], /--rollouts: can't be written: EISDIR/],
  [['serve', 'SHOP', '--port', '65536'], /--port: is "65536"; give a whole number of 0 to 65535/],
  [['serve', 'SHOP', '--port', 'TAKEN'], /--port: \d+ of 127\.0\.0\.1 is in use\. Give another/],
  [['policy', '--port', 'TAKEN'], /--port: \d+ of 127\.0\.0\.1 is in use\. Give another/],
  [['serve', 'SHOP', '--openai-model', 'm'], /--openai-url: is missing; --openai-model needs it/],
  [['serve', 'SHOP', '--openai-url', 'ftp://x', '--openai-model', 'm'], /--openai-url: "ftp:/],
  [['serve', 'SHOP', '--policy-address', '::'], /--policy-address: is "::"; give HOST:PORT/],
  [['policy', '--fault', 'explode'], /--fault: "explode" is unknown; give drop-stop-token/],
])('%j says what is wrong and fails', async (args, message) => {
  const examples = path.resolve(import.meta.dirname, '../../examples/environments');
  const folder = mkdtempSync(path.join(tmpdir(), 'lachesis-cli-'));
  await writeFile(path.join(folder, 'empty.jsonl'), '');
  const file = (name: string, text: string, mode = 0o600): string => {
    writeFileSync(path.join(folder, name), text, { mode });
    return path.join(folder, name);
  };
  const taken = net.createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const words: Readonly<Record<string, string>> = {
    SHOP: path.join(examples, 'shop.ts'),
    GSM8K: path.join(examples, 'gsm8k.ts'),
    EMPTY: path.join(folder, 'empty.jsonl'),
    SECRET: file('secret', 'hush-hush'),
    NOTHING: file('nothing.json', '{}'),
    NUMBER: file('number.json', '{"operator": 5}'),
    OPEN: file('open.json', '{}', 0o644),
    FOLDER: folder,
    TAKEN: String((taken.address() as net.AddressInfo).port),
  };
  const run = cli(...args.map((arg) => words[arg] ?? arg));
  expect(await run.code).not.toBe(0);
  taken.close();
  expect(run.err()).toMatch(message);
  expect(run.err()).not.toContain('hush');
});

test('a file without an environment, and one that throws, are told apart', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'lachesis-cli-'));
  const empty = path.join(folder, 'empty.mjs');
  const broken = path.join(folder, 'broken.mjs');
  writeFileSync(empty, 'export const nothing = 1;');
  writeFileSync(broken, '\n\nthrow new Error("no luck");');
  const first = cli('serve', empty);
  expect(await first.code).toBe(1);
  expect(first.err()).toMatch(
    /no environment as its default export.*export default defineEnvironment/,
  );
  const second = cli('serve', broken);
  expect(await second.code).toBe(1);
  expect(second.err()).toMatch(/could not be loaded: no luck \(line 3\)/);
});

test('what others wrote is shown without what a terminal acts on, lines and tabs apart', async () => {
  const hostile = '\u001b]0;title\u0007\u009b2J\u202e';
  const asked = cli('process', '--print-config', '--engine-model', hostile);
  expect(await asked.code).toBe(0);
  expect(asked.out()).toContain('·]0;title··2J·');
  const unknown = cli(hostile);
  expect(await unknown.code).toBe(2);
  for (const text of [asked.out(), unknown.err()]) {
    expect(text).not.toMatch(/(?![\n\t])\p{Cc}|\p{Cf}/u);
  }
});

test('the help of --credentials names every scope', async () => {
  const help = cli('serve', '--help');
  expect(await help.code).toBe(0);
  for (const scope of SCOPES) expect(help.out()).toContain(`"${scope}": "..."`);
});
