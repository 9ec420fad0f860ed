import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { adoptChild } from '../../../src/sandbox/exec/adopt-child.ts';
import { completeSandbox } from '../../../src/sandbox/exec/complete-sandbox.ts';
import type { Sandbox, SandboxLease } from '../../../src/sandbox/index.ts';
import { PoolLease } from '../../../src/sandbox/pool/pool-lease.ts';

/**
 * A sandbox of plain children of this process in a folder of its own: for benign commands only, since it
 * keeps them from nothing. Ended, it kills the process groups that it started and removes the folder.
 */
export async function openHostSandbox(): Promise<Sandbox & AsyncDisposable> {
  const workdir = await mkdtemp(path.join(os.tmpdir(), 'lachesis-host-'));
  const groups = new Set<number>();
  const kill = (pid: number | undefined, signal: NodeJS.Signals): void => {
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch {
      // It has ended.
    }
  };
  const sandbox = completeSandbox({
    id: randomUUID(),
    backend: 'host',
    isolation: 'process',
    workdir,
    start: async ({ argv: [program, ...rest], cwd = workdir, env, stdin }) => {
      const child = spawn(program, rest, {
        cwd,
        env: { PATH: process.env['PATH'], HOME: workdir, LANG: 'C.UTF-8', ...env },
        detached: true,
        stdio: ['pipe', 'pipe', 'pipe'],
      });
      if (child.pid !== undefined) groups.add(child.pid);
      return adoptChild(child, { stdin, kill: (signal) => kill(child.pid, signal) });
    },
    terminate: async () => {
      for (const pid of groups) kill(pid, 'SIGKILL');
      await rm(workdir, { recursive: true, force: true });
    },
  });
  return Object.assign(sandbox, { [Symbol.asyncDispose]: () => sandbox.terminate() });
}

/** A lease of such a sandbox, which ends with it. */
export async function openHostLease(): Promise<SandboxLease> {
  const sandbox = await openHostSandbox();
  return new PoolLease({
    sandbox,
    owner: 'test',
    earlierUses: 0,
    giveBack: () => sandbox.terminate(),
  });
}
