import { Code } from '@connectrpc/connect';
import { describe, expect, test } from 'vitest';
import { createSandboxPool } from '../../../../src/sandbox/index.ts';
import { noBoxes } from '../../../support/boxes.ts';
import { useFakeModal } from '../../../support/modal/use-fake-modal.ts';

describe.skipIf(noBoxes !== undefined)('a pool on Modal', () => {
  // A reset writes below `/var`, which a box of ours has only where it is the place to work.
  const bench = useFakeModal({ boxWorkdir: '/var' });
  const spec = { workdir: '/var/work' };

  test('a sandbox is used again after a reset, and nothing of the first lease is in it', async () => {
    const pool = createSandboxPool({ backend: bench.backend(), maxTotal: 1 });
    try {
      const before = bench.fake.faults.count('SandboxCreateV2');
      const first = await pool.acquire(spec, { owner: 'a' });
      await first.exec({ argv: ['sh', '-c', 'echo secret > note; sleep 4714 >/dev/null 2>&1 &'] });
      await first.release();
      const second = await pool.acquire(spec, { owner: 'b' });
      expect([second.id, second.earlierUses]).toEqual([first.id, 1]);
      expect(await second.stat('/var/work/note')).toBeUndefined();
      const script = "cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -c 'sleep [4]714'";
      expect((await second.exec({ argv: ['sh', '-c', script] })).exitCode).toBe(1);
      await second.release();
      expect(bench.fake.faults.count('SandboxCreateV2') - before).toBe(1);
    } finally {
      await pool.drain();
    }
    expect(bench.fake.running).toEqual([]);
  });

  test('a full quota delays whoever waits, and fails nobody', async () => {
    bench.fake.faults.fail('SandboxCreateV2', Code.ResourceExhausted, Code.ResourceExhausted);
    const pool = createSandboxPool({ backend: bench.backend(), maxTotal: 2 });
    try {
      const lease = await pool.acquire(spec, { owner: 'a' });
      expect((await lease.exec({ argv: ['true'] })).exitCode).toBe(0);
      await lease.release();
    } finally {
      await pool.drain();
    }
  });
});
