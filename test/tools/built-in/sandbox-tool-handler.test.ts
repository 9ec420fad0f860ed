import { expect, test } from 'vitest';
import { LachesisError } from '../../../src/errors.ts';
import { sandboxGone } from '../../../src/sandbox/index.ts';
import {
  createToolRegistry,
  noSandbox,
  sandboxToolHandler,
  sandboxTools,
  tool,
} from '../../../src/tools/index.ts';
import { contextOf, hostPool } from './support.ts';

const command = (text: string) => ({
  callId: 'c',
  name: 'terminal',
  arguments: { command: text },
  argumentsText: '',
});
const of = (rolloutId: string) => contextOf(noSandbox, { rolloutId });

test('one sandbox for each rollout, also for calls at the same time', async () => {
  const pool = hostPool();
  await using handler = sandboxToolHandler(pool, {
    tools: sandboxTools(),
    minimumIsolation: 'process',
  });
  const pwd = await Promise.all(
    ['a', 'a', 'b', 'a'].map(
      async (id) => JSON.parse(await handler.handle(command('pwd'), of(id))).output,
    ),
  );
  expect(pool.owners.sort()).toEqual(['a', 'b']);
  expect(new Set(pwd).size).toBe(2);
  expect(pwd[0]).toBe(pwd[3]);
  expect([...handler.rollouts].sort()).toEqual(['a', 'b']);
});

test('a rollout that ends gives its sandbox back, once', async () => {
  const pool = hostPool();
  await using handler = sandboxToolHandler(pool, {
    tools: sandboxTools(),
    minimumIsolation: 'process',
  });
  await handler.handle(command('true'), of('a'));
  await handler.handle(command('true'), of('b'));
  expect(pool.out).toBe(2);
  await Promise.all([handler.endRollout('a'), handler.endRollout('a'), handler.endRollout('x')]);
  expect(pool.out).toBe(1);
  expect(handler.rollouts).toEqual(['b']);
});

test('disposed of, it gives all back and takes no more', async () => {
  const pool = hostPool();
  const handler = sandboxToolHandler(pool, { tools: sandboxTools(), minimumIsolation: 'process' });
  await handler.handle(command('sleep 30 &'), of('a'));
  await handler[Symbol.asyncDispose]();
  expect(pool.out).toBe(0);
  await expect(handler.handle(command('true'), of('a'))).rejects.toMatchObject({
    reason: 'TOOL_HANDLER_CLOSED',
  });
});

test('a tool that keeps a lost sandbox to itself ends the rollout all the same', async () => {
  const pool = hostPool();
  const { acquire } = pool;
  pool.acquire = async (...asked) => {
    const lease = await acquire(...asked);
    lease.exec = () => Promise.reject(sandboxGone(lease.id, 'the test wants it so'));
    return lease;
  };
  const hushed = tool({
    name: 'terminal',
    description: 'Says that all is well.',
    parameters: { type: 'object', properties: {} },
    execute: async (_, { sandbox }) => {
      await sandbox.exec('true').catch(() => {});
      return 'all is well';
    },
  });
  await using handler = sandboxToolHandler(pool, {
    tools: [hushed],
    minimumIsolation: 'process',
  });
  await expect(handler.handle(command('x'), of('a'))).rejects.toMatchObject({
    kind: 'infrastructure_error',
    reason: 'SANDBOX_GONE',
  });
});

test('a pool that gives none is a fault of the infrastructure, and a later call may have more luck', async () => {
  const pool = hostPool();
  const { acquire } = pool;
  pool.acquire = () =>
    Promise.reject(new LachesisError('deadline_exceeded', 'none', { reason: 'ACQUIRE_TIMEOUT' }));
  await using handler = sandboxToolHandler(pool, {
    tools: sandboxTools(),
    minimumIsolation: 'process',
  });
  await expect(handler.handle(command('true'), of('a'))).rejects.toMatchObject({
    kind: 'infrastructure_error',
    reason: 'ACQUIRE_TIMEOUT',
  });
  pool.acquire = acquire;
  expect(JSON.parse(await handler.handle(command('echo 1'), of('a'))).output).toBe('1');
});

test('a pool below the isolation that is asked for is refused', () => {
  expect(() => sandboxToolHandler(hostPool(), { tools: [] })).toThrow(
    /at least `namespace` is asked for; `host` gives `process`/,
  );
});

test.each(sandboxTools().map(({ definition }) => [definition.name]))(
  '%s says so where there is no sandbox',
  async (name) => {
    const { handleFunctionCall } = createToolRegistry(sandboxTools());
    const args = {
      command: 'x',
      action: 'list',
      path: 'x',
      content: '',
      mode: 'replace',
      old_string: 'a',
      new_string: 'b',
      pattern: 'x',
    };
    const call = { callId: 'c', name, arguments: args, argumentsText: '' };
    await expect(handleFunctionCall(call, contextOf(noSandbox))).rejects.toMatchObject({
      kind: 'environment_error',
      reason: 'NO_SANDBOX',
    });
  },
);

test('toolsets are named lists', () => {
  const names = sandboxTools(['files', 'terminal']).map(({ definition }) => definition.name);
  expect(names).toEqual([
    'read_file',
    'write_file',
    'patch',
    'search_files',
    'terminal',
    'process',
  ]);
  expect(() => sandboxTools(['web' as 'files'])).toThrow(/none named "web"/);
});
