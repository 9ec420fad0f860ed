import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { descendants, isAlive } from '../../../../src/sandbox/backends/local/process-table.ts';
import {
  type Command,
  createBubblewrapBackend,
  outputText,
  type Sandbox,
} from '../../../../src/sandbox/index.ts';
import { noBoxes } from '../../../support/boxes.ts';

const never = new AbortController().signal;
const STOP: Command['argv'] = ['bash', '-c', 'kill -STOP $$'];
/** As often as it is continued. */
const STOP_AGAIN: Command['argv'] = ['bash', '-c', 'while :; do kill -STOP $$; done'];

describe.skipIf(noBoxes !== undefined)('a command that stops itself', () => {
  const backend = createBubblewrapBackend();
  afterAll(() => backend[Symbol.asyncDispose]());

  test.each([[STOP], [STOP_AGAIN]])(
    'is ended by its deadline, and holds no box: %j',
    async (argv) => {
      const box = await backend.create({}, { signal: never });
      const result = await box.exec({ argv }, { timeoutMs: 300 });
      expect([result.timedOut, result.leftRunning]).toEqual([true, false]);
      expect(outputText((await box.exec({ argv: ['echo', 'on'] })).stdout)).toBe('on\n');
      await within(3_000, box.terminate());
    },
  );

  test.each([[STOP], [STOP_AGAIN]])('goes with its box: %j', async (argv) => {
    const box = await backend.create({}, { signal: never });
    const entered = await stopped(box, argv);
    await within(3_000, box.terminate());
    await expect(entered.exited).rejects.toMatchObject({ reason: 'SANDBOX_GONE' });
    expect(isAlive(Number(entered.id))).toBe(false);
  });

  test('is ended when all commands of its box are', async () => {
    const box = await backend.create({}, { signal: never });
    const entered = await stopped(box, STOP);
    await box.endCommands?.();
    expect(await within(3_000, entered.exited)).toEqual({ signal: 'SIGKILL' });
    expect(await box.status()).toBe('running');
    await box.terminate();
  });

  test('is told to end, and may: what it is told it hears although it is stopped', async () => {
    const box = await backend.create({}, { signal: never });
    const script = 'trap "echo bye; exit 3" TERM; kill -STOP $$; while :; do sleep 0.05; done';
    const result = await box.exec({ argv: ['bash', '-c', script] }, { timeoutMs: 300 });
    expect(outputText(result.stdout)).toBe('bye\n');
    await box.terminate();
  });

  test('ends as usual when something in its box continues it', async () => {
    const box = await backend.create({}, { signal: never });
    const script = '(sleep 0.2; kill -CONT $$) & kill -STOP $$; echo on; exit 4';
    const result = await box.exec({ argv: ['bash', '-c', script] }, { timeoutMs: 10_000 });
    expect([result.exitCode, outputText(result.stdout)]).toEqual([4, 'on\n']);
    await box.terminate();
  });

  test('does not outlive the process that it was started by', { timeout: 20_000 }, async () => {
    const program = path.join(import.meta.dirname, 'stopped-box.ts');
    const owner = spawn(process.execPath, ['--conditions=lachesis-source', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      await once(owner.stdout, 'data');
      const all = descendants([owner.pid!]);
      expect(all.some((pid) => state(pid) === 'T' && name(pid) === 'nsenter')).toBe(true);
      owner.kill('SIGKILL');
      await once(owner, 'exit');
      await expect.poll(() => all.filter(isAlive), { timeout: 5_000 }).toEqual([]);
    } finally {
      owner.kill('SIGKILL');
    }
  });
});

/** Started, and seen to have stopped, with the program that entered the box for it. */
async function stopped(box: Sandbox, argv: Command['argv']) {
  const entered = await box.spawn({ argv });
  await expect.poll(() => state(Number(entered.id)), { timeout: 5_000 }).toBe('T');
  return entered;
}

function state(pid: number): string | undefined {
  return /^State:\s+(\w)/m.exec(statusOf(pid))?.[1];
}

function name(pid: number): string | undefined {
  return /^Name:\s+(.*)/m.exec(statusOf(pid))?.[1];
}

function statusOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    return '';
  }
}

async function within<Value>(ms: number, work: Promise<Value>): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`nothing came of it within ${ms} ms`)), ms);
  });
  return await Promise.race([work, late]).finally(() => clearTimeout(timer));
}
