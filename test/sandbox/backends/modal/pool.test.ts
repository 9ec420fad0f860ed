import { Code } from '@connectrpc/connect';
import { describe, expect, test } from 'vitest';
import {
  createSandboxPool,
  outputText,
  type PoolObserver,
  type SandboxLease,
} from '../../../../src/sandbox/index.ts';
import { noBoxes } from '../../../support/boxes.ts';
import { useFakeModal } from '../../../support/modal/use-fake-modal.ts';

describe.skipIf(noBoxes !== undefined)('a pool on Modal', () => {
  const bench = useFakeModal();
  const leased = { owner: 'rollout-1' };
  const sh = async (lease: SandboxLease, script: string): Promise<string> =>
    outputText((await lease.exec({ argv: ['bash', '-c', script] })).stdout).trim();

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

  test('a sandbox is used again after a reset, and its next tenant finds nothing of the last', async () => {
    const pool = createSandboxPool({ backend: bench.backend(), maxTotal: 1 });
    const first = await pool.acquire({}, leased);
    await sh(first, 'echo x | tee left /tmp/left; (setsid sleep 99 >/dev/null 2>&1 &)');
    await first.release();
    const second = await pool.acquire({}, { owner: 'rollout-2' });
    expect(second).toMatchObject({ id: first.id, earlierUses: 1 });
    expect(await sh(second, 'ls -A . /tmp; pgrep -c sleep')).toBe('.:\n\n/tmp:\n.lachesis-mark\n0');
    await second.release();
    expect(bench.fake.running.map(({ id }) => id)).toEqual([first.id]);
    await pool.drain();
    expect(bench.fake.running).toEqual([]);
  });

  test('a sandbox that a reset can’t bring back is ended, and the next tenant has a new one', async () => {
    const ended: string[] = [];
    const observer: PoolObserver = {
      destroyed: ({ id, reason }) => void ended.push(`${id} ${reason}`),
    };
    const pool = createSandboxPool({ backend: bench.backend(), maxTotal: 1, observer });
    const first = await pool.acquire({}, leased);
    await sh(first, 'rm /tmp/.lachesis-mark; echo x > /tmp/.lachesis-mark');
    await first.release();
    expect(ended).toEqual([`${first.id} reset_failed`]);
    expect(bench.fake.running).toEqual([]);
    const second = await pool.acquire({}, { owner: 'rollout-2' });
    expect(second.id).not.toBe(first.id);
    expect(second.earlierUses).toBe(0);
    await second.release();
    await pool.drain();
  });

  test('a sandbox that is lost while it is reset is replaced by the next', async () => {
    const pool = createSandboxPool({ backend: bench.backend(), maxTotal: 1 });
    const first = await pool.acquire({}, leased);
    await sh(first, 'true');
    const releasing = first.release();
    await bench.fake.loseWorker(first.id);
    await releasing;
    const second = await pool.acquire({}, { owner: 'rollout-2' });
    expect(second.id).not.toBe(first.id);
    expect(await sh(second, 'echo here')).toBe('here');
    await second.release();
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
