import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { main } from '../../src/cli/main.ts';

/** A folder with these files. */
function folderOf(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'lachesis-config-'));
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(folder, name), text);
  return folder;
}

async function run(
  args: readonly string[],
  files: Readonly<Record<string, string>> = {},
  environment: Readonly<Record<string, string>> = {},
) {
  let out = '';
  let err = '';
  const folder = folderOf(files);
  const code = await main(args, {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    terminal: false,
    columns: 80,
    environment,
    folder,
    signal: new AbortController().signal,
  });
  const lines = out.split('\n').map((line) => line.replaceAll(/ {2,}/g, ' | '));
  const of = (name: string) => lines.filter((line) => line.startsWith(`${name} | `));
  return { code, out, err, of, folder };
}

const print = (files: Readonly<Record<string, string>>, environment = {}, ...flags: string[]) =>
  run(['serve', 'x.ts', '--print-config', ...flags], files, environment);

test('flags beat variables, variables beat the file, the file beats defaults, and each is told', async () => {
  const files = {
    'lachesis.config.mjs': `export default {
      concurrency: 2, port: 7001, policySeed: 3, host: '::1', serve: { port: 7002 }, policy: { port: 1 } };`,
  };
  const variables = { LACHESIS_CONCURRENCY: '4', LACHESIS_POLICY_SEED: '5', LACHESIS_LOG: '' };
  const { code, of, folder } = await print(files, variables, '--concurrency', '8');
  const file = path.join(folder, 'lachesis.config.mjs');
  expect(code).toBe(0);
  expect(of('concurrency')).toEqual(['concurrency | 8 | --concurrency']);
  expect(of('policy-seed')).toEqual(['policy-seed | 5 | LACHESIS_POLICY_SEED']);
  expect(of('port')).toEqual([`port | 7002 | ${file} (serve.port)`]);
  expect(of('host')).toEqual([`host | ::1 | ${file} (host)`]);
  expect(of('log')).toEqual(['log | false | default']);
  expect(of('openai-url')).toEqual(['openai-url | - | not set']);
  const none = await print({});
  expect(none.of('concurrency')).toEqual(['concurrency | 64 | default']);
  expect(none.of('host')).toEqual(['host | 127.0.0.1 | default']);
});

test('settings of all layers are added up, and the higher layer comes last', async () => {
  const files = { 'lachesis.config.json': '{"set": {"level": 1, "name": "5"}}' };
  const variables = { LACHESIS_SET: '["level=2", "size=1"]' };
  const { of } = await print(files, variables, '--set', 'level=3');
  expect(of('set').map((line) => line.split(' | ')[1])).toEqual([
    'level=1 name="5"',
    'level=2 size=1',
    'level=3',
  ]);
});

test.each(['yaml', 'yml'])('a file of .%s says the same as one of JSON', async (extension) => {
  const name = `lachesis.config.${extension}`;
  const text =
    'concurrency: 2 # for all\nserve:\n  port: 7002\nset: {level: 1, name: "5", big: yes}\n';
  const { code, of, folder } = await print({ [name]: text });
  const file = path.join(folder, name);
  expect(code).toBe(0);
  expect(of('concurrency')).toEqual([`concurrency | 2 | ${file} (concurrency)`]);
  expect(of('port')).toEqual([`port | 7002 | ${file} (serve.port)`]);
  // YAML 1.2: `yes` is a text.
  expect(of('set')).toEqual([`set | level=1 name="5" big="yes" | ${file} (set)`]);
});

test('--config names another file, of TypeScript too', async () => {
  const files = { 'other.ts': 'const port: number = 7003;\nexport default { port };' };
  const { of } = await print(files, {}, '--config', 'other.ts');
  expect(of('port')[0]).toMatch(/^port \| 7003 \| .*other\.ts \(port\)$/);
  expect((await print(files, { LACHESIS_CONFIG: 'other.ts' })).of('port')[0]).toContain('7003');
});

test('what a command is given this way it uses', async () => {
  const { code, err } = await run(['policy'], { 'lachesis.config.json': '{"fault": ["explode"]}' });
  expect([code, err]).toEqual([
    2,
    expect.stringMatching(/lachesis.config.json \(fault\): "explode" is unknown/),
  ]);
});

test('the password of a URL is not shown', async () => {
  const { out } = await print({}, {}, '--openai-url', 'http://me:secret@h/v1');
  expect(out).toContain('http://me:***@h/v1');
  expect(out).not.toContain('secret');
});

test.each([
  [
    'an unknown key',
    { 'lachesis.config.json': '{"prot": 1}' },
    {},
    /prot: is no option\. Options: /,
  ],
  [
    'a key of another command in a section',
    { 'lachesis.config.json': '{"policy": {"rollouts": "f"}}' },
    {},
    /policy\.rollouts: is no option/,
  ],
  ['a wrong type', { 'lachesis.config.json': '{"port": true}' }, {}, /port: is true; give a text/],
  [
    'a text for a switch',
    { 'lachesis.config.json': '{"log": "yes"}' },
    {},
    /log: is "yes"; give true/,
  ],
  ['a list for one value', { 'lachesis.config.json': '{"port": [1]}' }, {}, /port: is \[1\]/],
  ['no object', { 'lachesis.config.json': '[]' }, {}, /holds no options/],
  ['no JSON', { 'lachesis.config.json': '{' }, {}, /--config: .*can't be read/],
  ['no YAML', { 'lachesis.config.yaml': 'port: [1\n' }, {}, /--config: .*can't be read: .*line 2/],
  ['a key twice', { 'lachesis.config.yml': 'port: 1\nport: 2\n' }, {}, /can't be read: .*unique/],
  ['a YAML file of nothing', { 'lachesis.config.yaml': '# soon\n' }, {}, /holds no options/],
  [
    'a YAML tag that names no type',
    { 'lachesis.config.yaml': 'port: !!js/function "x"\n' },
    {},
    /port: is|can't be read/,
  ],
  [
    'a file that throws',
    { 'lachesis.config.mjs': 'throw new Error("no")' },
    {},
    /can't be read: no/,
  ],
  [
    'two files',
    { 'lachesis.config.json': '{}', 'lachesis.config.mjs': '' },
    {},
    /lachesis\.config\.json: stands beside lachesis\.config\.mjs/,
  ],
  [
    'a switch in a variable that is none',
    {},
    { LACHESIS_LOG: 'maybe' },
    /LACHESIS_LOG: is "maybe"/,
  ],
  ['a list in a variable that is none', {}, { LACHESIS_SET: '[a=1' }, /LACHESIS_SET: begins like/],
  ['a file that is missing', {}, { LACHESIS_CONFIG: 'no.json' }, /no\.json can't be read/],
])('%s is refused by name', async (_, files, environment, message) => {
  const { code, err } = await print(files as Record<string, string>, environment);
  expect([code, err]).toEqual([2, expect.stringMatching(message)]);
});

test('a value that a command refuses is told by where it was given', async () => {
  const max = { LACHESIS_SANDBOX_MAX: 'abc' };
  const said = async (...input: Parameters<typeof run>) => (await run(...input)).err;
  expect(await said(['doctor'], {}, max)).toMatch(
    /^lachesis doctor: LACHESIS_SANDBOX_MAX: is "abc"/,
  );
  expect(await said(['doctor', '--sandbox-max', '0'], {}, max)).toMatch(/: --sandbox-max: is "0"/);
  const file = { 'lachesis.config.json': '{"sandbox": {"cpus": "two"}}' };
  expect(await said(['doctor'], file)).toMatch(/lachesis.config.json \(sandbox.cpus\): is "two"/);
});
