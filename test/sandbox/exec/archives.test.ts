import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { adoptChild } from '../../../src/sandbox/exec/adopt-child.ts';
import { completeSandbox } from '../../../src/sandbox/exec/complete-sandbox.ts';

/** Whose every command says nothing for a long time, and takes some time to start, whatever the signal says. */
function slowSandbox(startMs: number) {
  const children: ChildProcess[] = [];
  const sandbox = completeSandbox({
    ...{ id: 'slow', backend: 'slow', isolation: 'process', workdir: '/' },
    start: async ({ stdin }) => {
      await pause(startMs);
      const child = spawn('sleep', ['20'], { stdio: 'pipe' });
      children.push(child);
      return adoptChild(child, { stdin, kill: (signal) => child.kill(signal) });
    },
    terminate: async () => {},
  });
  return { sandbox, children };
}

const left = new Error('the caller left');

async function* endless(): AsyncGenerator<Uint8Array> {
  for (;;) {
    yield new Uint8Array(10);
    await pause(10);
  }
}

test.each([[0], [200]])(
  'a transfer that is cancelled ends its `tar` at once, and one that is only being started too (%i ms)',
  async (startMs) => {
    const { sandbox, children } = slowSandbox(startMs);
    const controller = new AbortController();
    const { signal } = controller;
    const packing = sandbox.getArchive('/any', { signal })[Symbol.asyncIterator]().next();
    const unpacking = sandbox.putArchive('/any', endless(), { signal });
    const outcomes = Promise.allSettled([packing, unpacking]);
    await pause(100);
    const began = performance.now();
    controller.abort(left);
    for (const outcome of await outcomes) expect(outcome).toMatchObject({ reason: left });
    expect(performance.now() - began).toBeLessThan(1_000);
    await expect.poll(() => children.length).toBe(2);
    for (const child of children) {
      if (child.signalCode === null) await once(child, 'exit');
      expect(child.signalCode).toBe('SIGKILL');
    }
    expect(performance.now() - began).toBeLessThan(2_000);
  },
);

test('a reader that takes no more of an archive ends its `tar`', async () => {
  const children: ChildProcess[] = [];
  const sandbox = completeSandbox({
    ...{ id: 'zeros', backend: 'zeros', isolation: 'process', workdir: '/' },
    start: async ({ stdin }) => {
      const child = spawn('cat', ['/dev/zero'], { stdio: 'pipe' });
      children.push(child);
      return adoptChild(child, {
        stdin,
        kill: (signal) => child.kill(signal),
      });
    },
    terminate: async () => {},
  });
  for await (const bytes of sandbox.getArchive('/any')) {
    expect(bytes.length).toBeGreaterThan(0);
    break;
  }
  const [child] = children;
  // By whatever came first: that its output was closed, or that it was killed.
  await expect.poll(() => child?.signalCode ?? child?.exitCode, { timeout: 2_000 }).not.toBeNull();
});
