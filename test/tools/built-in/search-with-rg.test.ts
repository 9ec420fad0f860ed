import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { type Bench, registryBench } from './support.ts';

/** Says what it was asked, and answers in the words of ripgrep 13. */
const FAKE = `#!/bin/bash
printf '%s\\0' "$@" > "$(dirname "$0")/asked"
case $* in
  *nowhere*) exit 1 ;;
  *'-e ('*) echo 'regex parse error: unclosed group' >&2; exit 2 ;;
  *unreadable*) printf 'w/a\\0%s\\n' '1:unreadable beside it'; echo 'w/b: Permission denied' >&2; exit 2 ;;
esac
printf 'w/a b.txt\\0%s\\n' 1-x '2:alpha 22' 3-y
echo --
printf 'w/z:1.py\\0%s\\r\\n' '7:alpha - 3:4'
`;

let folder: string;
let bench: Bench;
beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'lachesis-rg-'));
  writeFileSync(path.join(folder, 'rg'), FAKE);
  chmodSync(path.join(folder, 'rg'), 0o755);
  bench = await registryBench();
});
afterAll(async () => {
  await bench[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});
// The bench's sandbox has the PATH of this process.
beforeEach(() => void vi.stubEnv('PATH', `${folder}:${process.env['PATH']}`));
afterEach(() => void vi.unstubAllEnvs());

const search = (args: object) => bench.call('search_files', args as never);
const asked = () => readFileSync(path.join(folder, 'asked'), 'utf8').split('\0').slice(0, -1);

test('where rg is there, it is asked for all but hidden files, by no setting of its user’s', async () => {
  await search({ pattern: '-x $(id)', path: '/tmp', context: 2, file_glob: '*.py' });
  expect(asked()).toEqual([
    ...['--no-config', '--no-ignore', '--no-heading', '--color', 'never', '-Hn', '--null'],
    ...['--sort', 'path', '-C', '2', '-g', '*.py', '-e', '-x $(id)', '--', '/tmp'],
  ]);
  await search({ pattern: 'alpha', path: '/tmp' });
  expect(asked()).not.toContain('-g');
});

test('its lines are read as those of grep, with those around them', async () => {
  const first = { path: 'w/a b.txt', line: 2, content: 'alpha 22' };
  const second = { path: 'w/z:1.py', line: 7, content: 'alpha - 3:4' };
  expect(await search({ pattern: 'alpha', path: '/tmp' })).toEqual({
    total_count: 2,
    matches: [first, second],
  });
  expect(await search({ pattern: 'alpha', path: '/tmp', context: 1 })).toEqual({
    total_count: 4,
    matches: [
      { path: 'w/a b.txt', line: 1, content: 'x' },
      first,
      { path: 'w/a b.txt', line: 3, content: 'y' },
      second,
    ],
  });
  expect(await search({ pattern: 'alpha', path: '/tmp', output_mode: 'count' })).toEqual({
    total_count: 2,
    counts: { 'w/a b.txt': 1, 'w/z:1.py': 1 },
  });
});

test('nothing found, a bad pattern and a file that may not be read are told apart', async () => {
  expect(await search({ pattern: 'nowhere', path: '/tmp' })).toEqual({
    total_count: 0,
    matches: [],
  });
  expect(await search({ pattern: '(', path: '/tmp' })).toEqual({
    error: expect.stringMatching(/^pattern: .*unclosed group/),
  });
  expect(await search({ pattern: 'unreadable', path: '/tmp' })).toMatchObject({ total_count: 1 });
});
