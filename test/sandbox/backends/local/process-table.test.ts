import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import {
  childrenByScan,
  childrenOf,
  descendants,
  isAlive,
  processFacts,
} from '../../../../src/sandbox/backends/local/process-table.ts';

test.skipIf(process.platform !== 'linux')(
  'a process is known by its facts, and all below it are found, by lists or by looking at all',
  async () => {
    const child = spawn('sh', ['-c', 'sh -c "sleep 30; :" & sleep 30; :'], { detached: true });
    const { pid = 0 } = child;
    try {
      await expect.poll(() => descendants([pid]).length, { timeout: 5_000 }).toBe(3);
      expect([...childrenByScan()(pid)].sort()).toEqual([...childrenOf(pid)].sort());
      expect(childrenOf(pid)).toHaveLength(2);
      expect(processFacts(pid)).toMatchObject({ pid, parent: process.pid, group: pid });
      expect(isAlive(pid)).toBe(true);
    } finally {
      process.kill(-pid, 'SIGKILL');
    }
    await once(child, 'exit');
    expect([isAlive(pid), processFacts(pid), descendants([pid])]).toEqual([false, undefined, []]);
  },
);
