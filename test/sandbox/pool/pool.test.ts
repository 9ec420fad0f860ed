import { describe, expect, test } from 'vitest';
import { LachesisError } from '../../../src/errors.ts';
import { setup, use, watch } from '../support/fake-pool.ts';

describe('waiting', () => {
  test('ends with its signal’s reason, and its place in the queue with it', async () => {
    const { pool, clock, backend } = setup({ maxTotal: 1 });
    const holder = await pool.acquire({}, { owner: 'holder' });
    const controller = new AbortController();
    const { signal } = controller;
    const waiting = watch(pool.acquire({}, { owner: 'gone', signal }));
    const next = watch(pool.acquire({}, { owner: 'next' }));
    await clock.advance(10);
    expect(pool.stats().waiting).toBe(2);
    const reason = new Error('no longer wanted');
    controller.abort(reason);
    await clock.advance(0);
    expect(waiting.error).toBe(reason);
    expect(pool.stats().waiting).toBe(1);
    await holder.release();
    await clock.advance(0);
    expect(next.value?.id).toBe(holder.id);
    expect(backend.made).toHaveLength(1);
  });

  test('is first come, first served', async () => {
    const { pool, clock } = setup({ maxTotal: 1 });
    const order: string[] = [];
    const turn = async (owner: string): Promise<void> => {
      await using lease = await pool.acquire({}, { owner });
      order.push(owner);
      await use(lease);
    };
    const all = Promise.all(['a', 'b', 'c', 'd'].map(turn));
    await clock.advance(1_000);
    await all;
    expect(order).toEqual(['a', 'b', 'c', 'd']);
  });

  test('ends at its deadline, and no more sandboxes are made than the pool may have', async () => {
    const { pool, clock, backend } = setup({ maxTotal: 1 });
    await pool.acquire({}, { owner: 'holder' });
    const waiting = watch(pool.acquire({}, { owner: 'late', timeoutMs: 300 }));
    await clock.advance(299);
    expect(waiting.error).toBeUndefined();
    await clock.advance(1);
    expect(waiting.error).toMatchObject({ kind: 'deadline_exceeded', reason: 'ACQUIRE_TIMEOUT' });
    expect(waiting.error?.cause).toBeUndefined();
    await clock.advance(10_000);
    expect(backend.mostAlive).toBe(1);
  });

  test('says at its deadline why none could be made', async () => {
    const { pool, clock, how } = setup();
    how.create = 'fails';
    const waiting = watch(pool.acquire({}, { owner: 'late', timeoutMs: 5_000 }));
    await clock.advance(5_000);
    expect(waiting.error).toMatchObject({ reason: 'ACQUIRE_TIMEOUT' });
    expect(waiting.error?.cause).toMatchObject({ message: 'create of fake-5 failed' });
    expect(waiting.error?.message).toContain('create of fake-5 failed');
  });

  test('is refused where too many wait', async () => {
    const { pool, clock } = setup({ maxTotal: 1, maxWaiting: 1 });
    await pool.acquire({}, { owner: 'holder' });
    const first = watch(pool.acquire({}, { owner: 'first' }));
    const second = watch(pool.acquire({}, { owner: 'second' }));
    await clock.advance(0);
    expect(second.error).toMatchObject({
      ...{ kind: 'resource_exhausted', reason: 'POOL_QUEUE_FULL', retryAfterMs: 1_000 },
    });
    expect(first.error).toBeUndefined();
  });

  test('ends at once for what can never be made', async () => {
    const { pool, clock, how } = setup();
    how.create = 'refused';
    const waiting = watch(pool.acquire({ image: 'no-such' }, { owner: 'one' }));
    await clock.advance(0);
    expect(waiting.error).toMatchObject({ kind: 'invalid_input', reason: 'NO_IMAGE' });
  });

  test('goes on through a quota that is full: growth pauses, nobody fails', async () => {
    const { pool, clock, how, backend } = setup({ maxTotal: 4 });
    const holder = await pool.acquire({}, { owner: 'holder' });
    await use(holder);
    how.create = 'quota';
    const waiting = [1, 2].map((at) => watch(pool.acquire({}, { owner: `waiter-${at}` })));
    await clock.advance(900);
    const askedFor = backend.asked.length;
    // What is given back is had meanwhile.
    await holder.release();
    await clock.advance(0);
    expect(waiting[0]?.value?.id).toBe(holder.id);
    expect(waiting[1]?.error).toBeUndefined();
    expect(backend.asked).toHaveLength(askedFor);
    delete how.create;
    await clock.advance(2_000);
    expect(waiting[1]?.value?.earlierUses).toBe(0);
  });
});

describe('a sandbox whose preparation failed', () => {
  test.each(['fails', 'hangs'] as const)(
    'is ended when it %s, and keeps no place',
    async (fault) => {
      const { pool, clock, how, backend } = setup({ maxTotal: 1, createTimeoutMs: 1_000 });
      how.baseline = fault;
      const waiting = watch(pool.acquire({}, { owner: 'one', timeoutMs: 60_000 }));
      await clock.advance(4_000);
      expect(backend.asked.length).toBeGreaterThan(1);
      expect(backend.mostAlive).toBe(1);
      delete how.baseline;
      await clock.advance(30_000);
      expect(waiting.value).toBeDefined();
      await waiting.value?.release();
      await clock.advance(0);
      expect(pool.stats()).toMatchObject({ creating: 0, closing: 0, leased: 0, idle: 1 });
      expect(backend.alive.size).toBe(1);
    },
  );

  test('that comes after its time is ended, and counts until then', async () => {
    const { pool, clock, how, backend } = setup({ maxTotal: 1, createTimeoutMs: 1_000 });
    how.create = 'late';
    const waiting = watch(pool.acquire({}, { owner: 'one', timeoutMs: 60_000 }));
    await clock.advance(1_500);
    expect(pool.stats()).toMatchObject({ creating: 0, closing: 1 });
    expect(backend.asked).toHaveLength(1);
    delete how.create;
    await clock.advance(10_000);
    expect(waiting.value?.id).toBe('fake-2');
    expect([...backend.alive.keys()]).toEqual(['fake-2']);
  });
});

describe('an idle sandbox', () => {
  test('is handed out before another is begun in its place', async () => {
    const { pool, clock, backend } = setup();
    pool.keepWarm({}, 2);
    await clock.advance(0);
    expect(backend.asked).toHaveLength(2);
    const lease = await pool.acquire({}, { owner: 'one' });
    expect(lease.id).toBe('fake-2');
    expect(backend.asked).toHaveLength(2);
    await clock.advance(0);
    expect(backend.asked).toHaveLength(3);
    await pool.drain({ graceMs: 0 });
    expect(clock.pending).toBe(0);
  });

  test('that a pool has begun to keep is not made when the pool is drained at once', async () => {
    const { pool, clock, backend } = setup();
    pool.keepWarm({}, 2);
    await pool.drain();
    expect(clock.pending).toBe(0);
    await clock.advance(10);
    expect(backend.asked).toEqual([]);
  });

  test('that died is not handed out', async () => {
    const { pool, clock, how, backend } = setup();
    const first = await pool.acquire({}, { owner: 'first' });
    await use(first);
    await first.release();
    await clock.advance(10_000);
    how.health = 'fails';
    const second = watch(pool.acquire({}, { owner: 'second' }));
    await clock.advance(0);
    expect(second.value?.id).toBe('fake-2');
    expect(backend.alive.has(first.id)).toBe(false);
  });

  test('that nobody asks for is ended, but for those that are kept warm', async () => {
    const { pool, clock, backend } = setup({ idleMs: 1_000 });
    pool.keepWarm({}, 1);
    const two = await Promise.all(
      ['a', 'b'].map((owner) => pool.acquire({}, { owner, timeoutMs: 100 })),
    );
    await Promise.all(two.map((lease) => lease.release()));
    await clock.advance(3_000);
    expect(backend.alive.size).toBe(1);
    expect(pool.stats()).toMatchObject({ idle: 1 });
    await pool.drain();
    expect(backend.alive.size).toBe(0);
    expect(clock.pending).toBe(0);
  });
});

test.each([
  ['maxTotal', 0],
  ['maxTotal', -1],
  ['maxTotal', 1.5],
  ['maxTotal', Number.NaN],
  ['maxTotal', 'many' as unknown as number],
  ['maxPerKey', 0],
  ['maxUses', 0],
  ['maxExtra', -1],
  ['maxWaiting', -1],
  ['lifetimeMs', 0],
  ['createTimeoutMs', Number.NaN],
  ['idleMs', -1],
])('a pool whose %s is %s is refused when it is opened', (name, value) => {
  const open = () => setup({ [name]: value });
  expect(open).toThrow(LachesisError);
  expect(open).toThrow(expect.objectContaining({ kind: 'invalid_input', field: `pool.${name}` }));
});

describe('draining', () => {
  test('waits for leases within the grace, and reports whose were cut off', async () => {
    const { pool, clock, backend } = setup({ maxTotal: 3 });
    const [quick, slow] = [
      await pool.acquire({}, { owner: 'quick' }),
      await pool.acquire({}, { owner: 'slow' }),
    ];
    await (await pool.acquire({}, { owner: 'idle' })).release();
    const draining = watch(pool.drain({ graceMs: 1_000 }));
    await clock.advance(500);
    expect([...backend.alive.keys()]).toEqual([quick.id, slow.id]);
    expect((await use(quick)).exitCode).toBe(0);
    await quick.release();
    await clock.advance(499);
    expect(draining.value).toBeUndefined();
    await clock.advance(1);
    expect(draining.value).toEqual({
      forced: [{ leaseId: slow.leaseId, owner: 'slow' }],
      survivors: [],
    });
    await expect(use(slow)).rejects.toMatchObject({ reason: 'POOL_CLOSED' });
    expect(backend.alive.size).toBe(0);
  });

  test('is over as soon as all is given back', async () => {
    const { pool, clock } = setup();
    const lease = await pool.acquire({}, { owner: 'one' });
    const draining = watch(pool.drain({ graceMs: Infinity }));
    await clock.advance(60_000);
    expect(draining.value).toBeUndefined();
    await lease.release();
    await clock.advance(0);
    expect(draining.value).toEqual({ forced: [], survivors: [] });
  });

  test('turns away who waits and who comes', async () => {
    const { pool, clock } = setup({ maxTotal: 1 });
    const holder = await pool.acquire({}, { owner: 'holder' });
    const waiting = watch(pool.acquire({}, { owner: 'waiting' }));
    await clock.advance(0);
    const draining = pool.drain({ graceMs: 1_000 });
    const late = watch(pool.acquire({}, { owner: 'late' }));
    await clock.advance(0);
    expect(waiting.error).toMatchObject({ reason: 'POOL_CLOSED' });
    expect(late.error).toMatchObject({ reason: 'POOL_CLOSED' });
    expect(() => pool.keepWarm({}, 1)).toThrow(expect.objectContaining({ reason: 'POOL_CLOSED' }));
    await holder.release();
    await draining;
    expect(await pool.drain()).toEqual({ forced: [], survivors: [] });
  });

  test('reports what could not be ended', async () => {
    const { pool, clock, how } = setup();
    const lease = await pool.acquire({}, { owner: 'one' });
    how.terminate = 'fails';
    await lease.release();
    const draining = watch(pool.drain());
    await clock.advance(60_000);
    expect(draining.value?.survivors).toEqual([
      { id: lease.id, error: `terminate of ${lease.id} failed` },
    ]);
  });
});
