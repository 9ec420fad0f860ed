import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { LachesisError } from '../../../src/errors.ts';
import type { SandboxPool } from '../../../src/sandbox/index.ts';
import { type TerminalOptions, terminalTool } from '../../../src/tools/index.ts';
import { bubblewrapPool } from './bubblewrap-pool.ts';
import { type PlayTerminalOptions, playTerminal } from './play-terminal.ts';

const { backend, pool } = bubblewrapPool();

const play = (script: string, options?: PlayTerminalOptions) => playTerminal(pool, script, options);

test('tools and reward share the rollout’s sandbox, and its provenance names it', async () => {
  const rollout = await play('echo 42 > answer');
  expect(rollout.outcome).toMatchObject({ kind: 'scored', reward: 1 });
  expect(rollout.provenance).toMatchObject({
    isolation: 'namespace',
    sandbox: { backend: 'bubblewrap', id: expect.stringMatching(/^bw-/), earlierUses: 0 },
  });
  expect(pool.stats().leased).toBe(0);
});

test('a sandbox that is gone ends the rollout as infrastructure, and is no score', async () => {
  let rewarded = false;
  const rollout = await play('true', {
    part: {
      setup: async (_, { sandbox }) => {
        const [found] = (await backend.list({}, new AbortController().signal)).filter(
          ({ id }) => id === sandbox.id,
        );
        await found?.terminate();
      },
      reward: () => {
        rewarded = true;
        return 1;
      },
    },
  });
  expect(rollout.result.stopReason).toBe('infrastructure_error');
  expect(rollout.outcome).toMatchObject({
    kind: 'not_scored',
    failure: { kind: 'infrastructure_error' },
  });
  expect(rewarded).toBe(false);
  expect(pool.stats().leased).toBe(0);
});

test.each([
  [
    'a pool that has none in time',
    new LachesisError('deadline_exceeded', 'x', { reason: 'ACQUIRE_TIMEOUT' }),
  ],
  [
    'a backend that is down',
    new LachesisError('infrastructure_error', 'x', { reason: 'SANDBOX_FAULT' }),
  ],
  [
    'a pool that is closed',
    new LachesisError('failed_precondition', 'x', { reason: 'POOL_CLOSED' }),
  ],
  ['a fault that nobody typed', new TypeError('x')],
])('%s is infrastructure', async (_, thrown) => {
  const broken: SandboxPool = { ...pool, backend, acquire: () => Promise.reject(thrown) };
  const rollout = await play('true', { sandboxes: broken });
  const reason = thrown instanceof LachesisError ? thrown.reason : 'SANDBOX_FAULT';
  expect(rollout.outcome).toMatchObject({
    kind: 'not_scored',
    failure: { kind: 'infrastructure_error', reason },
  });
});

test('isolation below the minimum, and no pool at all, are the host’s fault', async () => {
  const weak = await play('true', { part: { sandbox: { minimumIsolation: 'strong' } } });
  expect(weak.outcome).toMatchObject({
    failure: { kind: 'infrastructure_error', reason: 'ISOLATION_BELOW_MINIMUM' },
  });
  const wanted = await play('true', { isolation: { minimum: 'strong' } });
  expect(wanted.outcome).toMatchObject({ failure: { reason: 'ISOLATION_BELOW_MINIMUM' } });
  const none = await play('true', { sandboxes: undefined });
  expect(none.outcome).toMatchObject({
    failure: { kind: 'infrastructure_error', reason: 'NO_SANDBOX_POOL' },
  });
});

test('a lease is held for as long as the rollout’s own limits, and given back at a deadline', async () => {
  let holdMs = 0;
  const watched: SandboxPool = {
    ...pool,
    backend,
    acquire: (spec, request) => {
      holdMs = request.holdMs ?? 0;
      return pool.acquire(spec, request);
    },
  };
  const rollout = await play('sleep 30', { sandboxes: watched, timeoutMs: 400 });
  expect(rollout.outcome).toMatchObject({ failure: { kind: 'deadline_exceeded' } });
  expect(holdMs).toBeGreaterThan(400 + 60_000);
  expect(pool.stats().leased).toBe(0);
});

test('a command that names no time has its host’s, where neither the call nor the tool says one', async () => {
  const seen = async (terminal: TerminalOptions, args: object) => {
    const rollout = await play('', {
      commandTimeoutMs: 300,
      part: { tools: [terminalTool(terminal)] },
      call: { name: 'terminal', args: { command: 'sleep 0.8; echo done', ...args } },
    });
    return JSON.stringify(rollout.result.messages.filter(({ role }) => role === 'tool'));
  };
  expect(await seen({}, {})).toContain('timed out after 0.3s');
  expect(await seen({ timeoutMs: 5_000 }, {})).toContain('done');
  expect(await seen({}, { timeout: 5 })).toContain('done');
});

test('a cancel ends the process group within a second, also one that ignores SIGTERM', async () => {
  const cancel = new AbortController();
  const marker = `sleep 47.${process.pid}`;
  const playing = play(`trap "" TERM; (trap "" TERM; ${marker}) & ${marker}`, {
    signal: cancel.signal,
  });
  while ((await countOf(marker)) < 2) await sleep(20);
  const at = performance.now();
  cancel.abort(new LachesisError('cancelled', 'x', { reason: 'ROLLOUT_CANCELLED' }));
  const rollout = await playing;
  while ((await countOf(marker)) > 0 && performance.now() - at < 3_000) await sleep(10);
  expect(performance.now() - at).toBeLessThan(1_000);
  expect(rollout.outcome).toMatchObject({ failure: { kind: 'cancelled' } });
  expect(pool.stats().leased).toBe(0);
});

/** Processes of this machine that run just this. */
async function countOf(commandLine: string): Promise<number> {
  const { readdir, readFile } = await import('node:fs/promises');
  const wanted = `${commandLine.replaceAll(' ', '\0')}\0`;
  const lines = await Promise.all(
    (await readdir('/proc'))
      .filter((name) => /^\d+$/.test(name))
      .map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  );
  return lines.filter((line) => line === wanted).length;
}
