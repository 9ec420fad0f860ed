import { afterAll, beforeAll, expect, test } from 'vitest';
import type { JsonObject } from '../../../src/messages.ts';
import {
  createJustBashBackend,
  createSandboxPool,
  openRolloutSandbox,
  type SandboxLease,
} from '../../../src/sandbox/index.ts';
import { createToolRegistry, sandboxTools } from '../../../src/tools/index.ts';
import { contextOf } from './support.ts';

const backend = createJustBashBackend();
const pool = createSandboxPool({ backend, maxTotal: 1 });
const { handleFunctionCall } = createToolRegistry(sandboxTools());
let lease: SandboxLease;
let call: (name: string, args: JsonObject) => Promise<JsonObject>;

beforeAll(async () => {
  lease = await pool.acquire({}, { owner: 'test', signal: new AbortController().signal });
  const sandbox = openRolloutSandbox(lease);
  call = async (name, args) => {
    const invocation = { callId: 'c1', name, arguments: args, argumentsText: JSON.stringify(args) };
    return JSON.parse(await handleFunctionCall(invocation, contextOf(sandbox)));
  };
});
afterAll(async () => {
  await lease.release();
  await pool[Symbol.asyncDispose]();
  await backend[Symbol.asyncDispose]();
});

test('terminal, write_file, read_file and patch work on the same simulated files', async () => {
  await call('terminal', { command: 'mkdir -p deep && cd deep && export A=1' });
  await call('write_file', { path: 'f.txt', content: 'one\ntwo\n' });
  expect(await call('terminal', { command: 'echo $A; cat f.txt; pwd' })).toMatchObject({
    output: '1\none\ntwo\n/workspace/deep',
    exit_code: 0,
  });
  const replace = { mode: 'replace', path: 'f.txt', old_string: 'two', new_string: 'zwei' };
  expect(await call('patch', replace)).toMatchObject({ success: true });
  const read = await call('read_file', { path: 'f.txt' });
  expect(read['content']).toContain('zwei');
  await call('terminal', { command: 'chmod 750 f.txt; ln -s f.txt link' });
  expect(await call('write_file', { path: 'link', content: 'new' })).toMatchObject({
    bytes_written: 3,
  });
  expect(await call('terminal', { command: 'cat f.txt; stat -c %a f.txt' })).toMatchObject({
    output: 'new750',
  });
});

test('search_files finds lines and names, and passes over hidden and binary files', async () => {
  const command = `mkdir -p /tmp/s/sub; cd /tmp; echo 'def alpha(): 1' > s/a.py
printf 'x\\nalpha 22\\ny\\n' > 's/sub/b c.txt'; echo alpha > s/.hidden; printf 'alpha\\0' > s/bin`;
  await call('terminal', { command });
  expect(await call('search_files', { pattern: 'alpha.*\\d', path: 's' })).toEqual({
    total_count: 2,
    matches: [
      { path: '/tmp/s/a.py', line: 1, content: 'def alpha(): 1' },
      { path: '/tmp/s/sub/b c.txt', line: 2, content: 'alpha 22' },
    ],
  });
  const files = { pattern: 'alpha', path: 's', output_mode: 'files_only', file_glob: '*.txt' };
  expect(await call('search_files', files)).toMatchObject({ files: ['/tmp/s/sub/b c.txt'] });
  const around = await call('search_files', { pattern: '22', path: 's', context: 1 });
  expect(around['matches']).toHaveLength(3);
  expect(await call('search_files', { pattern: '(', path: 's' })).toMatchObject({
    error: expect.stringContaining('pattern'),
  });
  const names = { pattern: '*.py', target: 'files', path: 's' };
  expect(await call('search_files', names)).toMatchObject({ files: ['/tmp/s/a.py'] });
});

test('a program in the background is refused in words', async () => {
  expect(await call('terminal', { command: 'sleep 9', background: true })).toMatchObject({
    error: expect.stringContaining('none in the background'),
  });
});
