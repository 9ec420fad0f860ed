import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { readDockerfile } from '../../../src/environment/harbor/dockerfile.ts';
import { harborEnvironment } from '../../../src/environment/index.ts';
import { taskFolder } from './task-folder.ts';

const environment = (lines: string) => ({ 'task.toml': `[environment]\n${lines}\n` });

test.each<[string, Record<string, string | undefined>, RegExp]>([
  [
    'no instruction',
    { 'instruction.md': undefined },
    /one\/instruction\.md: can't be read: .*ENOENT/,
  ],
  ['an empty instruction', { 'instruction.md': ' \n' }, /one\/instruction\.md: is empty/],
  ['no task.toml', { 'task.toml': undefined }, /one\/task\.toml: can't be read/],
  ['no tests', { 'tests/test.sh': undefined }, /one\/tests\/test\.sh: is missing/],
  ['no TOML', { 'task.toml': 'a = = 1' }, /one\/task\.toml: can't be read: Invalid TOML/],
  [
    'a time that is a text',
    { 'task.toml': '[verifier]\ntimeout_sec = "long"' },
    /one\/task\.toml: verifier\.timeout_sec: is "long"; a number above 0/,
  ],
  [
    'a time of 0',
    { 'task.toml': '[agent]\ntimeout_sec = 0' },
    /task\.toml: agent\.timeout_sec: is 0;/,
  ],
  ['a table that is none', { 'task.toml': 'agent = 3' }, /task\.toml: agent: is 3; a table/],
  [
    'a size without a unit',
    environment('memory = "4"'),
    /environment\.memory: is "4"; a size such as "4G"/,
  ],
  [
    'a size in both spellings that is no number',
    environment('memory_mb = "4G"'),
    /environment\.memory_mb: is "4G"/,
  ],
  [
    'a flag that is a text',
    environment('allow_internet = "no"'),
    /environment\.allow_internet: is "no"; true or false/,
  ],
  [
    'an image that is none',
    environment('docker_image = ""'),
    /environment\.docker_image: is ""; a text/,
  ],
  ['a GPU', environment('gpus = 1'), /environment\.gpus: is 1; no sandbox here has one/],
  [
    'another user',
    { 'task.toml': '[verifier]\nuser = "root"' },
    /verifier\.user: is "root"; commands have one user/,
  ],
  ['several steps', { 'task.toml': '[[steps]]\nname = "a"' }, /task\.toml: steps: .*several steps/],
  [
    'a secret of the host',
    { 'task.toml': `[verifier.env]\nKEY = "$\{OPENAI_API_KEY}"` },
    /verifier\.env: .*KEY asks for a variable of the host/,
  ],
  [
    'several containers',
    { 'environment/docker-compose.yaml': 'x' },
    /docker-compose\.yaml: asks for several containers/,
  ],
  [
    'a build',
    { 'environment/Dockerfile': 'FROM debian\nRUN apt-get install -y gcc' },
    /environment\/Dockerfile: has to be built \(RUN apt-get install -y gcc\).*docker build -t one .*docker_image = "one"/,
  ],
])('%s is refused by its file and field', (_, files, message) => {
  expect(() => harborEnvironment(taskFolder(files))).toThrow(message);
});

test('a folder without tasks, and one that is not there, are refused', () => {
  const empty = mkdtempSync(path.join(tmpdir(), 'lachesis-harbor-'));
  expect(() => harborEnvironment(empty)).toThrow(/has no folder of a task/);
  expect(() => harborEnvironment(path.join(empty, 'x'))).toThrow(/can't be read: ENOENT/);
});

test('a build is played with an image, or without it where that is asked for', () => {
  const folder = taskFolder({ 'environment/Dockerfile': 'FROM debian\nRUN true' });
  const warnings: string[] = [];
  const onWarning = (message: string): void => void warnings.push(message);
  expect(harborEnvironment(folder, { image: 'one', onWarning }).name).toMatch(/^lachesis-harbor/);
  expect(warnings).toEqual([]);
  harborEnvironment(folder, { dockerfile: 'skip', onWarning });
  expect(warnings).toEqual([expect.stringMatching(/^1 tasks of .* no image \(debian\)/)]);
});

test('an environment is named by its folder, and its limits are the longest of its tasks', () => {
  const one = harborEnvironment(
    taskFolder({ 'task.toml': '[verifier]\ntimeout_sec = 7.5\n[agent]\ntimeout_sec = 900\n' }),
    { name: 'own', split: 'test' },
  );
  expect(one).toMatchObject({ name: 'own', timeoutMs: 960_000, rewardTimeoutMs: 67_500 });
  expect(one.tasks).toEqual([
    { key: 'one', split: 'test', data: { instruction: 'Make a file done.' } },
  ]);
});

test('what a Dockerfile copies is known, and what has to be built', () => {
  const text =
    'FROM a\n# no\nWORKDIR /x\nWORKDIR y\nENV A=b\nCOPY b \\\n  c ./d/\nCOPY . .\nCOPY e /f\n';
  expect(readDockerfile(text)).toEqual({
    ...{ base: 'a', workdir: '/x/y', env: { A: 'b' }, needsBuild: undefined },
    copies: [
      { from: ['b', 'c'], to: '/x/y/d/' },
      { from: ['.'], to: '/x/y' },
      { from: ['e'], to: '/f' },
    ],
  });
  const built = [
    'COPY --from=a b c',
    'ADD a b',
    'COPY *.txt /',
    'ENV A=$B',
    'USER me',
    'COPY ["a", "b"]',
  ];
  for (const line of built) expect(readDockerfile(`FROM x\n${line}\n`).needsBuild).toBe(line);
});
