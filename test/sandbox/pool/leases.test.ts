import { describe, expect, test } from 'vitest';
import { outputText, poolKey, type SandboxLease } from '../../../src/sandbox/index.ts';
import { setup, use, watch } from '../support/fake-pool.ts';

describe('a lease', () => {
  test('given back twice is given back once: two tenants never share a sandbox', async () => {
    const { pool } = setup({ maxTotal: 2 });
    const first = await pool.acquire({}, { owner: 'first' });
    await use(first);
    await Promise.all([first.release(), first.release()]);
    await first[Symbol.asyncDispose]();
    const [one, two] = await Promise.all([
      pool.acquire({}, { owner: 'one' }),
      pool.acquire({}, { owner: 'two' }),
    ]);
    expect(one?.id).not.toBe(two?.id);
    // Nor does giving it back once more take it from its next tenant.
    await first.release();
    expect((await use(one)).exitCode).toBe(0);
    expect(pool.stats()).toMatchObject({ leased: 2, idle: 0 });
  });

  test('refuses everything once it was given back', async () => {
    const { pool } = setup();
    const lease = await pool.acquire({}, { owner: 'one' });
    await lease.release();
    const gone = { kind: 'failed_precondition', reason: 'LEASE_RELEASED' };
    await expect(lease.exec({ argv: ['read'] })).rejects.toMatchObject(gone);
    await expect(lease.spawn({ argv: ['read'] })).rejects.toMatchObject(gone);
    await expect(lease.stat('/x')).rejects.toMatchObject(gone);
    await expect(lease.status()).rejects.toMatchObject(gone);
    const reading = (async () => {
      for await (const _ of lease.getArchive('/x')) throw new Error('it was read');
    })();
    await expect(reading).rejects.toMatchObject(gone);
    const nothing = (async function* () {})();
    await expect(lease.putArchive('/x', nothing)).rejects.toMatchObject(gone);
  });

  test('shows its next tenant nothing of the last one', async () => {
    const { pool } = setup({ maxTotal: 1 });
    const first = await pool.acquire({}, { owner: 'first' });
    await use(first);
    await first.release();
    const second = await pool.acquire({}, { owner: 'second' });
    expect(second).toMatchObject({ id: first.id, earlierUses: 1 });
    expect(outputText((await second.exec({ argv: ['read'] })).stdout)).toBe('');
    expect(second.leaseId).not.toBe(first.leaseId);
  });

  test.each([
    ['that was tainted', (lease: SandboxLease) => lease.taint('doubt'), {}],
    ['where a command failed', () => {}, { exec: 'fails' }],
    ['whose reset failed', () => {}, { reset: 'fails' }],
    ['whose reset left something', () => {}, { reset: 'differs' }],
  ] as const)('of a sandbox %s is the last one of it', async (_, work, faults) => {
    const { pool, backend, how } = setup({ maxTotal: 1 });
    const first = await pool.acquire({}, { owner: 'first' });
    Object.assign(how, faults);
    await use(first).catch(() => {});
    work(first);
    await first.release();
    const second = await pool.acquire({}, { owner: 'second' });
    expect(second.id).not.toBe(first.id);
    expect([...backend.alive.keys()]).toEqual([second.id]);
  });

  test('given back while a command runs ends the sandbox with it', async () => {
    const { pool, backend, clock } = setup({}, { latencyMs: (step) => (step === 'exec' ? 50 : 0) });
    const lease = await pool.acquire({}, { owner: 'one' });
    const running = watch(use(lease));
    await clock.advance(10);
    await lease.release();
    await clock.advance(100);
    expect(running.error).toMatchObject({ reason: 'LEASE_RELEASED' });
    expect(backend.alive.size).toBe(0);
  });

  test('held too long is taken back, its owner told of, and its place is another’s', async () => {
    const leaked: unknown[] = [];
    const observer = { leaked: (event: object) => void leaked.push(event) };
    const { pool, clock, backend } = setup({ maxTotal: 1, observer });
    const lease = await pool.acquire({}, { owner: 'sleepy', holdMs: 1_000 });
    const next = watch(pool.acquire({}, { owner: 'next', timeoutMs: 120_000 }));
    await clock.advance(60_999);
    expect(leaked).toEqual([]);
    await clock.advance(1);
    expect(leaked).toMatchObject([{ owner: 'sleepy', id: lease.id }]);
    await expect(use(lease)).rejects.toMatchObject({ reason: 'LEASE_EXPIRED' });
    expect(next.value?.id).not.toBe(lease.id);
    expect(backend.alive.has(lease.id)).toBe(false);
    await lease.release();
    expect(pool.stats()).toMatchObject({ leased: 1 });
  });
});

describe('a key', () => {
  test('is all that a spec says, so that no tenant is given another’s kind of sandbox', async () => {
    const { pool, backend } = setup({ maxTotal: 8 });
    const specs = [
      ...[{}, { image: 'a' }, { workdir: '/w' }, { env: { A: '1' } }, { env: { A: '2' } }],
      ...[{ resources: { cpus: 1 } }, { network: 'open' as const }, { providerOptions: { x: 1 } }],
    ];
    for (const spec of specs) {
      const lease = await pool.acquire(spec, { owner: 'one' });
      expect(lease.earlierUses).toBe(0);
      expect(backend.alive.get(lease.id)?.spec).toEqual(spec);
      await use(lease);
      await lease.release();
    }
    expect(backend.made).toHaveLength(specs.length);
    expect(pool.stats().byKey).toHaveLength(specs.length);
  });

  test('does not depend on the order of what is said, nor on who asks', async () => {
    const key = poolKey('fake', { image: 'a', env: { A: '1', B: '2' } });
    expect(poolKey('fake', { env: { B: '2', A: '1' }, image: 'a', network: 'none' })).toBe(key);
    expect(poolKey('other', { image: 'a', env: { A: '1', B: '2' } })).not.toBe(key);
    // It may hold what must not be read in a log.
    expect(poolKey('fake', { env: { TOKEN: 'hunter2' } })).not.toContain('hunter2');
  });
});
