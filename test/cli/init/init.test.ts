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
import { ownSource } from '../../../src/cli/init/own-source.ts';
import { packageVersion } from '../../../src/server/index.ts';
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
      ...{ files: [file], settings: {}, values: {} },
      io: {
        ...{ out: () => {}, err: () => {}, terminal: false, columns: 80, environment: {} },
        signal: new AbortController().signal,
      },
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

test('it names the commands that come next, and where a checkout’s own package is', async () => {
  const { folder, out } = await scaffold();
  expect(out).toMatch(/wrote .*environment\.ts\n/);
  expect(out).toMatch(/Next:\n( {2}\(cd \S+ && npm pack\)\n)? {2}cd /);
  expect(out).toContain(
    `  cd '${folder}' && npm install\n  npx lachesis validate environment.ts\n`,
  );
  const { dependencies } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
  expect(dependencies.lachesis).toBe(
    `file:${path.relative(folder, path.join(root, `lachesis-${packageVersion()}.tgz`))}`,
  );
});

describe('a project has its lachesis from where the running one came', () => {
  /** As npm leaves it: a package, and a note of where it came from. */
  function installed(resolved: string | undefined) {
    const folder = temporary();
    const modules = path.join(folder, 'app', 'node_modules');
    mkdirSync(path.join(modules, 'lachesis'), { recursive: true });
    if (resolved !== undefined) {
      const lock = { packages: { 'node_modules/lachesis': { resolved } } };
      writeFileSync(path.join(modules, '.package-lock.json'), JSON.stringify(lock));
    }
    const at = (project: string) =>
      ownSource(path.join(modules, 'lachesis'), '1.2.3', path.join(folder, project));
    return { folder, at };
  }

  test('a tarball, as the project sees it', () => {
    const { folder, at } = installed('file:../lachesis-1.2.3.tgz');
    expect(at('a/new').before).toContain('is not on npm yet: in package.json, put the path');
    writeFileSync(path.join(folder, 'lachesis-1.2.3.tgz'), '');
    expect(at('a/new')).toEqual({ spec: 'file:../../lachesis-1.2.3.tgz' });
  });

  test.each([
    ['https://registry.npmjs.org/lachesis/-/lachesis-1.2.3.tgz', '1.2.3'],
    ['https://example.org/lachesis.tgz', 'https://example.org/lachesis.tgz'],
  ])('%s', (resolved, spec) => {
    expect(installed(resolved).at('new')).toEqual({ spec });
  });

  test('says so where nothing is known', () => {
    expect(installed(undefined).at('new')).toEqual({
      spec: '1.2.3',
      before: expect.stringContaining('"file:../lachesis-1.2.3.tgz", in place of "1.2.3"'),
    });
  });

  test('a checkout is packed first, unless it is', () => {
    const folder = temporary();
    mkdirSync(path.join(folder, 'scripts'));
    writeFileSync(path.join(folder, 'scripts', 'run.mjs'), '');
    const at = () => ownSource(folder, '1.2.3', path.join(folder, 'new'));
    const spec = 'file:../lachesis-1.2.3.tgz';
    expect(at()).toEqual({ spec, before: `(cd ${folder} && npm pack)` });
    writeFileSync(path.join(folder, 'lachesis-1.2.3.tgz'), '');
    expect(at()).toEqual({ spec });
  });
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
