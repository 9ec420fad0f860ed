import { spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { Hosting } from '../../../src/cli/hosting.ts';
import { cli } from '../support.ts';

const root = path.resolve(import.meta.dirname, '../../..');
const temporary = (): string => mkdtempSync(path.join(tmpdir(), 'lachesis-init-'));

/** Makes a project, with this checkout as its `lachesis`. */
async function scaffold(...args: string[]): Promise<{ folder: string; out: string }> {
  const folder = path.join(temporary(), 'My first env');
  const run = cli('init', folder, ...args);
  expect(run.err() + String(await run.code)).toBe('0');
  mkdirSync(path.join(folder, 'node_modules', '@types'), { recursive: true });
  symlinkSync(root, path.join(folder, 'node_modules', 'lachesis'));
  symlinkSync(
    path.join(root, 'node_modules/@types/node'),
    path.join(folder, 'node_modules/@types/node'),
  );
  return { folder, out: run.out() };
}

describe.each(['tool', 'single-turn'])('the template %s', (template) => {
  test('has an environment that loads and is short', async () => {
    const { folder } = await scaffold('--template', template);
    expect(readdirSync(folder).sort()).toEqual([
      '.gitignore',
      'README.md',
      'environment.ts',
      'node_modules',
      'package.json',
      'tsconfig.json',
    ]);
    const file = path.join(folder, 'environment.ts');
    await using hosting = await Hosting.open({
      ...{ files: [file], settings: {}, warn: () => {} },
      signal: new AbortController().signal,
    });
    expect(hosting.environments[0]?.name).toBe('my-first-env');
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
    expect(lines.length).toBeLessThan(40);
    expect(lines.filter((line) => line.length > 100)).toEqual([]);
  });

  test('is sound, as validate says', async () => {
    const { folder } = await scaffold('--template', template);
    const run = cli('validate', path.join(folder, 'environment.ts'));
    expect(`${await run.code}${run.err()}`).toBe('0');
    expect(run.out()).toMatch(/solutions {3}ok {7}2 scored: mean 1/);
  });

  test('type-checks by its own tsconfig.json', async () => {
    const { folder } = await scaffold('--template', template);
    const tsc = path.join(root, 'node_modules/.bin/tsc');
    // Here `lachesis` is sources, which are held to another tsconfig.json: only its own errors count.
    const args = ['-p', '.', '--pretty', 'false', '--customConditions', 'lachesis-source'];
    const { stdout } = spawnSync(tsc, args, { cwd: folder, encoding: 'utf8' });
    expect(stdout.split('\n').filter((line) => /^(environment\.ts|error)/.test(line))).toEqual([]);
  }, 60_000);
});

test('it names the two commands that come next', async () => {
  const { folder, out } = await scaffold();
  expect(out).toMatch(/wrote .*environment\.ts\n/);
  expect(out).toContain(
    `Next:\n  cd '${folder}' && npm install\n  npx lachesis validate environment.ts\n`,
  );
});

test('a file that is there is never overwritten, and nothing is written beside it', async () => {
  const folder = temporary();
  writeFileSync(path.join(folder, 'README.md'), 'mine');
  const run = cli('init', folder);
  expect(await run.code).toBe(1);
  expect(run.err()).toMatch(/has README\.md already\. Nothing was written/);
  expect(readdirSync(folder)).toEqual(['README.md']);
  expect(readFileSync(path.join(folder, 'README.md'), 'utf8')).toBe('mine');
});

test.each([
  [['a', 'b'], /FOLDER: is followed by "b"/],
  [['a', '--template', 'chess'], /--template: "chess" is unknown; give tool or single-turn/],
  [[path.join(import.meta.filename, 'x')], /FOLDER: can't be written to: ENOTDIR/],
])('%j says what is wrong', async (args, message) => {
  const run = cli('init', ...args);
  expect(await run.code).toBe(2);
  expect(run.err()).toMatch(message);
});

test('its help shows the options and teaches by example', async () => {
  const run = cli('init', '--help');
  expect(await run.code).toBe(0);
  expect(run.out()).toContain('--template NAME');
  expect(run.out()).toMatch(/For example:\n {2}lachesis init/);
});
