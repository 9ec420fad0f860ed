import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { connect } from '../../src/client/index.ts';

const root = path.resolve(import.meta.dirname, '../..');
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'lachesis-stray-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

/** `lachesis serve` of an environment whose file also does this. */
async function serve(also: string) {
  const file = path.join(directory, 'env.ts');
  const index = path.join(root, 'src', 'index.ts');
  await writeFile(
    file,
    `import { defineEnvironment } from ${JSON.stringify(index)};
     ${also}
     export default defineEnvironment({
       name: 'careless', tasks: [{ data: 1 }], prompt: () => 'Go.', reward: () => 1,
     });`,
  );
  const child = spawn(
    process.execPath,
    ['scripts/run.mjs', 'src/cli/run.ts', 'serve', file, '--store', 'none'],
    {
      cwd: root,
      env: { ...process.env, XDG_RUNTIME_DIR: directory },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const said = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said.out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said.err += text;
  });
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  return { child, said, exited };
}

test('a rejection that an environment left behind ends nothing, and is told', async () => {
  const also = `setTimeout(() => void Promise.reject(new Error('left behind')), 1_000);`;
  const { child, said, exited } = await serve(also);
  try {
    await expect.poll(() => said.err, { timeout: 10_000 }).toContain('left behind');
    await expect.poll(() => said.out).toMatch(/listening on (\S+)/);
    const address = /listening on (\S+)/.exec(said.out)?.[1] ?? '';
    await using client = await connect({
      address,
      tokenDirectory: path.join(directory, 'lachesis'),
    });
    expect(await client.environments.list()).toMatchObject([{ name: 'careless' }]);
  } finally {
    child.kill('SIGTERM');
  }
  expect(await exited).toBe(0);
}, 30_000);

test('an exception that nobody caught ends the server in order, with 1', async () => {
  const { said, exited } = await serve(
    `setTimeout(() => { throw new Error('thrown late'); }, 1_500);`,
  );
  expect(await exited).toBe(1);
  expect(said.out).toContain('listening on');
  expect(said.err).toContain('thrown late');
  expect(await readdir(path.join(directory, 'lachesis'))).toEqual([]);
}, 30_000);

test('an environment that never finishes loading is named as the cause', async () => {
  const { said, exited } = await serve('await new Promise(() => {});');
  expect(await exited).toBe(13);
  expect(said.err).toContain('waits for a promise');
}, 30_000);
