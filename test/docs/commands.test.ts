import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { cli } from '../cli/support.ts';

const root = path.resolve(import.meta.dirname, '../..');
const bash = (command: string, cwd = root) =>
  promisify(execFile)('bash', ['-c', command], { cwd, timeout: 30_000 });

/** The indented commands of a page that begin with `program`, continued lines joined. */
function commandsOf(page: string, program: string): readonly string[] {
  const text = readFileSync(path.join(root, 'docs', page), 'utf8').replaceAll(/\\\n\s*/g, ' ');
  return [...text.matchAll(/^ {4}(\S.*)$/gm)]
    .map(([, command = '']) => command)
    .filter((command) => command.startsWith(program));
}

test('the shell commands of docs/contract.md do what they say', async () => {
  const [serve = ''] = commandsOf('contract.md', 'npx lachesis ');
  const args = serve.replace('npx lachesis ', '').replace('--port 7070', '--port 0').split(' ');
  const run = cli(...args);
  const [, address = ''] = await run.until(/listening on http:\/\/(\S+)/);
  const say = async (program: string) => {
    const [command = ''] = commandsOf('contract.md', program);
    expect(command).toContain('127.0.0.1:7070');
    return (await bash(command.replace('127.0.0.1:7070', address))).stdout;
  };
  expect(JSON.parse(await say('curl'))).toMatchObject({ services: expect.any(Array) });
  expect(JSON.parse(await say('npx buf curl'))).toMatchObject({ environments: [{ name: 'shop' }] });
  run.stop();
  expect(await run.code).toBe(0);
});

test('the command of docs/rollout-file.md counts rewards of 1', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'lachesis-docs-'));
  const line = (reward: number | null) =>
    `{"schema":"lachesis.rollout/1","reward":${reward},"x":0}\n`;
  writeFileSync(path.join(folder, 'rollouts.jsonl'), line(1) + line(0) + line(null) + line(1));
  const [command = ''] = commandsOf('rollout-file.md', 'grep');
  expect((await bash(command, folder)).stdout.trim()).toBe('2');
});
