import { Code } from '@connectrpc/connect';
import { describe, expect, test } from 'vitest';
import { createSandboxPool } from '../../../../src/sandbox/index.ts';
import { noBoxes } from '../../../support/boxes.ts';
import { useFakeModal } from '../../../support/modal/use-fake-modal.ts';

describe.skipIf(noBoxes !== undefined)('a pool on Modal', () => {
  const bench = useFakeModal();
  const leased = { owner: 'rollout-1' };

  test('its sandboxes say for which pool they are, outlive its own lifetime, and end with it', async () => {
    const backend = bench.backend();
    const tags = { 'lachesis-owner': 'server-1' };
    const pool = createSandboxPool({ backend, maxUses: 1, lifetimeMs: 1_800_000, tags });
    const lease = await pool.acquire({}, leased);
    const [running] = bench.fake.running;
    // Its own half hour, what making it may take, and a margin.
    expect(running?.request.definition?.timeoutSecs).toBe(1_800 + 120 + 120);
    const names = ['lachesis-deadline', 'lachesis-key', 'lachesis-owner'];
    expect([...running!.tags.keys()]).toEqual(expect.arrayContaining(names));
    await lease.release();
    await pool.drain();
    expect(bench.fake.running).toEqual([]);
  });

  test('a full quota delays whoever waits, and fails nobody', async () => {
    bench.fake.faults.fail('SandboxCreateV2', Code.ResourceExhausted, Code.ResourceExhausted);
    const pool = createSandboxPool({ backend: bench.backend(), maxUses: 1, maxTotal: 2 });
    const lease = await pool.acquire({}, leased);
    expect((await lease.exec({ argv: ['true'] })).exitCode).toBe(0);
    await lease.release();
    await pool.drain();
  });

  test('a sandbox that is lost under a lease is replaced by the next', async () => {
    const pool = createSandboxPool({ backend: bench.backend(), maxUses: 1, maxTotal: 1 });
    const first = await pool.acquire({}, leased);
    await bench.fake.loseWorker(first.id);
    await expect(first.exec({ argv: ['true'] })).rejects.toMatchObject({ reason: 'SANDBOX_GONE' });
    await first.release();
    const second = await pool.acquire({}, leased);
    expect((await second.exec({ argv: ['true'] })).exitCode).toBe(0);
    await second.release();
    await pool.drain();
  });
});
