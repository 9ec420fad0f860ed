import { describe, expect, test } from 'vitest';
import { idsOf, never, openFixture } from './support/fixture.ts';
import { group } from './support/groups.ts';

async function withGroups(count: number, options: Parameters<typeof openFixture>[1] = {}) {
  const fixture = await openFixture({}, options);
  for (let index = 1; index <= count; index += 1)
    await fixture.broker.submit(group(`g${index}`, 4));
  return fixture;
}

const at = (consumerId: string, rank = 0) => ({ runId: 'run', consumerId, rank });

describe('a batch is handed out again, identical', () => {
  test('when a rank gives it back', async () => {
    const { broker, take } = await withGroups(2);
    const first = await take();
    await broker.nackBatch({ ...at('trainer'), batchId: first.id, reason: 'out of memory' });
    expect(await take()).toEqual({ ...first, delivery: 2 });
  });

  test('when its lease is over, and not a moment earlier', async () => {
    const { clock, take, next } = await withGroups(1);
    await openSecond(next);
    const first = await take();
    clock.advance(4_999);
    expect((await next()).kind).toBe('batch');
    clock.advance(5_000);
    expect(await take()).toEqual({ ...first, delivery: 2 });
  });

  test('to another consumer that competes, whose ack then counts and the old one’s does not', async () => {
    const { broker, clock, take, ack, next } = await withGroups(1);
    await broker.registerConsumer({ ...at('other'), worldSize: 1, mode: 'compete' });
    const first = await take();
    expect((await next('other')).kind).toBe('none');
    clock.advance(5_000);
    expect(await take('other')).toEqual({ ...first, delivery: 2 });
    await expect(ack(first)).rejects.toMatchObject({ kind: 'aborted', reason: 'STALE_LEASE' });
    await expect(broker.extendBatch({ ...at('trainer'), batchId: first.id })).rejects.toMatchObject(
      { reason: 'STALE_LEASE' },
    );
    expect(await ack(first, 'other')).toEqual({ complete: true, step: 1 });
    await expect(ack(first)).rejects.toMatchObject({ reason: 'STALE_LEASE' });
  });

  test('to a restarted trainer of another size once the lease of the old is over, with its rows split anew', async () => {
    const { broker, take, clock } = await withGroups(1, { worldSize: 2 });
    const first = await take('trainer', 1);
    const larger = { ...at('trainer'), worldSize: 4, mode: 'compete' } as const;
    await expect(broker.registerConsumer(larger)).rejects.toMatchObject({
      kind: 'failed_precondition',
      reason: 'CONSUMER_HOLDS_BATCH',
      field: 'world_size',
      metadata: { batch_id: first.id, world_size: '2' },
    });
    expect((await take('trainer', 0)).id).toBe(first.id);
    clock.advance(5_000);
    await broker.registerConsumer(larger);
    const again = await take('trainer', 3);
    expect(again.delivery).toBe(2);
    expect(again.digest).toEqual(first.digest);
    expect(again.rows.map(({ rank }) => rank)).toEqual([0, 1, 2, 3]);
  });
});

async function openSecond(next: (consumerId?: string) => Promise<unknown>): Promise<void> {
  await expect(next('nobody')).rejects.toMatchObject({
    kind: 'not_found',
    reason: 'CONSUMER_NOT_REGISTERED',
  });
}

describe('a call that says of which delivery it is', () => {
  test('counts for that one alone', async () => {
    const { broker, take } = await withGroups(1, { worldSize: 2 });
    const first = { ...at('trainer'), batchId: (await take()).id, delivery: 1 };
    await broker.nackBatch({ ...first, reason: 'restarted' });
    expect(await take()).toMatchObject({ id: first.batchId, delivery: 2 });
    const stale = {
      kind: 'aborted',
      reason: 'STALE_LEASE',
      metadata: { delivery: '2', holder: 'trainer' },
    };
    await expect(broker.ackBatch(first)).rejects.toMatchObject(stale);
    await expect(broker.extendBatch(first)).rejects.toMatchObject(stale);
    await expect(broker.nackBatch({ ...first, reason: 'late' })).rejects.toMatchObject(stale);
    expect(await take('trainer', 1)).toMatchObject({ delivery: 2 });
    const second = { ...first, delivery: 2 };
    expect(await broker.ackBatch(second)).toEqual({ complete: false, step: 0 });
    // 0, as of a client that does not say: of what is out.
    expect(await broker.ackBatch({ ...second, rank: 1, delivery: 0 })).toEqual({
      complete: true,
      step: 1,
    });
  });

  test('is refused with who has the batch now, and is no error once its consumer is done with it', async () => {
    const { broker, clock, take, ack } = await withGroups(1);
    await broker.registerConsumer({ ...at('other'), worldSize: 1, mode: 'compete' });
    await broker.registerConsumer({ ...at('archive'), worldSize: 1, mode: 'fan_out' });
    const batch = await take();
    clock.advance(5_000);
    await take('other');
    const late = { ...at('trainer'), batchId: batch.id, delivery: 1 };
    await expect(broker.ackBatch(late)).rejects.toMatchObject({
      message: expect.stringContaining('now with "other", delivery 2'),
      metadata: { holder: 'other', delivery: '2' },
    });
    await ack(batch, 'other');
    expect(await broker.ackBatch({ ...late, ...at('other') })).toMatchObject({ complete: true });
    await expect(broker.ackBatch(late)).rejects.toMatchObject({
      message: expect.stringContaining('done by "other"'),
    });
  });

  test('is not taken for one of after a rewind', async () => {
    const { broker, take, ack } = await withGroups(1);
    const batch = await take();
    await ack(batch);
    await broker.rewindToStep({ runId: 'run', consumerId: 'trainer', step: 0 });
    const repeated = { ...at('trainer'), batchId: batch.id, delivery: 1 };
    await expect(broker.ackBatch(repeated)).rejects.toMatchObject({ reason: 'STALE_LEASE' });
    expect((await take()).delivery).toBe(2);
    await expect(broker.ackBatch(repeated)).rejects.toMatchObject({ reason: 'STALE_LEASE' });
  });
});

describe('a lease', () => {
  test('is kept by extending it', async () => {
    const { broker, clock, take, next } = await withGroups(1);
    await broker.registerConsumer({ ...at('other'), worldSize: 1, mode: 'compete' });
    const { id } = await take();
    for (let round = 0; round < 5; round += 1) {
      clock.advance(4_000);
      expect(await broker.extendBatch({ ...at('trainer'), batchId: id })).toEqual({
        leaseMs: 5_000,
      });
    }
    expect((await next('other')).kind).toBe('none');
  });

  test('that is over still takes an ack, while nobody else has the batch', async () => {
    const { clock, take, ack } = await withGroups(1);
    const batch = await take();
    clock.advance(60_000);
    expect(await ack(batch)).toEqual({ complete: true, step: 1 });
  });
});

describe('several ranks', () => {
  test('of which one died lose the batch when its lease is over, however often another asks', async () => {
    const { broker, clock, take, next, ack } = await withGroups(1, { worldSize: 2 });
    await broker.registerConsumer({ ...at('other'), worldSize: 1, mode: 'compete' });
    const batch = await take('trainer', 0);
    await ack(batch, 'trainer', 0);
    for (const ms of [1, 4_998]) {
      clock.advance(ms);
      expect((await next('trainer', 0)).kind).toBe('none');
    }
    expect((await next('other')).kind).toBe('none');
    clock.advance(1);
    const again = await take('other');
    expect([again.id, again.digest, again.delivery]).toEqual([batch.id, batch.digest, 2]);
    await expect(ack(batch, 'trainer', 1)).rejects.toMatchObject({ reason: 'STALE_LEASE' });
    expect(await ack(again, 'other')).toEqual({ complete: true, step: 1 });
  });

  test('of which one died and another waits get the batch anew when its lease is over', async () => {
    const { broker, clock, take, ack } = await withGroups(1, { worldSize: 2 });
    const batch = await take('trainer', 0);
    await ack(batch, 'trainer', 0);
    const waiting = broker.nextBatch({ ...at('trainer'), waitMs: undefined, signal: never });
    // A wake in between, which finds nothing, must not put the expiry off.
    clock.advance(4_000);
    await broker.submit(group('odd', 3));
    clock.advance(1_000);
    expect(await waiting).toEqual({ kind: 'batch', batch: { ...batch, delivery: 2 } });
    expect(clock.timers).toBe(0);
    expect(await ack(batch, 'trainer', 0)).toEqual({ complete: false, step: 0 });
    expect(await ack(await take('trainer', 1), 'trainer', 1)).toEqual({ complete: true, step: 1 });
  });

  test('get the same batch, and the step rises with the last ack', async () => {
    const { broker, take, next, ack } = await withGroups(2, { worldSize: 2 });
    const zero = await take('trainer', 0);
    const one = await take('trainer', 1);
    expect(one).toEqual(zero);
    expect(await ack(zero, 'trainer', 0)).toEqual({ complete: false, step: 0 });
    expect(await ack(zero, 'trainer', 0)).toEqual({ complete: false, step: 0 });
    expect((await next('trainer', 0)).kind).toBe('none');
    expect(await take('trainer', 1)).toEqual(zero);
    expect(await ack(one, 'trainer', 1)).toEqual({ complete: true, step: 1 });
    expect(await ack(one, 'trainer', 1)).toEqual({ complete: true, step: 1 });
    expect((await broker.status('run')).leasedBatches).toBe(0);
    expect((await take('trainer', 0)).step).toBe(2);
  });

  test('that wait are woken by the last ack', async () => {
    const { broker, take, ack } = await withGroups(2, { worldSize: 2 });
    const batch = await take('trainer', 0);
    await ack(batch, 'trainer', 0);
    const waiting = broker.nextBatch({ ...at('trainer'), waitMs: undefined, signal: never });
    await ack(batch, 'trainer', 1);
    expect(await waiting).toMatchObject({ kind: 'batch', batch: { step: 2 } });
  });

  test('get it all again when one of them gives it back', async () => {
    const { broker, take, ack } = await withGroups(1, { worldSize: 2 });
    const batch = await take('trainer', 0);
    await ack(batch, 'trainer', 0);
    await broker.nackBatch({ ...at('trainer', 1), batchId: batch.id, reason: 'lost my shard' });
    expect((await take('trainer', 0)).delivery).toBe(2);
    expect(await ack(batch, 'trainer', 1)).toMatchObject({ complete: false });
    expect(await ack(batch, 'trainer', 0)).toMatchObject({ complete: true });
  });

  test('are counted from 0 to the world size', async () => {
    const { next } = await withGroups(1, { worldSize: 2 });
    await expect(next('trainer', 2)).rejects.toMatchObject({
      kind: 'invalid_input',
      field: 'rank',
    });
  });
});

describe('consumers', () => {
  test('that compete get each batch once between them', async () => {
    const { broker, take } = await withGroups(3);
    await broker.registerConsumer({ ...at('other'), worldSize: 1, mode: 'compete' });
    const [one, two] = [await take('trainer'), await take('other')];
    expect([idsOf(one), idsOf(two)]).toEqual([['g1'], ['g2']]);
    expect(await take('trainer')).toEqual(one);
  });

  test('that fan out get every batch, and it is done when all of them are', async () => {
    const { broker, take, ack } = await withGroups(2);
    for (const id of ['archive', 'evaluation']) {
      await broker.registerConsumer({ ...at(id), worldSize: 1, mode: 'fan_out' });
    }
    const trained = await take();
    expect(await ack(trained)).toEqual({ complete: true, step: 1 });
    expect((await take('archive')).digest).toEqual(trained.digest);
    await ack(trained, 'archive');
    expect(idsOf(await take('archive'))).toEqual(['g2']);
    const late = await take('evaluation');
    expect(late).toEqual(trained);
    expect(await ack(late, 'evaluation')).toEqual({ complete: true, step: 1 });
    expect(idsOf(await take('evaluation'))).toEqual(['g2']);
  });

  test('that fan out and fall behind hold the others back, so that open batches are bounded', async () => {
    const { broker, take, next, ack } = await withGroups(3, { limits: { maxOpenBatches: 2 } });
    await broker.registerConsumer({ ...at('slow'), worldSize: 1, mode: 'fan_out' });
    for (let round = 0; round < 2; round += 1) await ack(await take());
    expect((await next()).kind).toBe('none');
    const waiting = broker.nextBatch({ ...at('trainer'), waitMs: undefined, signal: never });
    await ack(await take('slow'), 'slow');
    expect(await waiting).toMatchObject({ kind: 'batch', batch: { step: 3 } });
  });

  test('keep their mode', async () => {
    const { broker } = await withGroups(0);
    await expect(
      broker.registerConsumer({ ...at('trainer'), worldSize: 1, mode: 'fan_out' }),
    ).rejects.toMatchObject({ reason: 'CONSUMER_MODE_DIFFERS' });
  });
});

describe('waiting for a batch', () => {
  test('ends as soon as a group completes one, with no timer left', async () => {
    const { broker, clock } = await withGroups(0);
    const waiting = broker.nextBatch({ ...at('trainer'), waitMs: 10_000, signal: never });
    await broker.submit(group('a', 3));
    await broker.submit(group('b', 3));
    expect(clock.timers).toBe(1);
    await broker.submit(group('c', 1));
    expect(await waiting).toMatchObject({
      kind: 'batch',
      batch: { groups: [{ id: 'a' }, { id: 'c' }] },
    });
    expect(clock.timers).toBe(0);
  });

  test('ends with none when time is up', async () => {
    const { broker, clock } = await withGroups(0);
    await broker.submit(group('a', 3));
    const waiting = broker.nextBatch({ ...at('trainer'), waitMs: 10_000, signal: never });
    clock.advance(10_000);
    expect(await waiting).toEqual({
      kind: 'none',
      waiting: 3,
      needed: 4,
      closed: false,
      heldBackBy: [],
    });
    expect(clock.timers).toBe(0);
  });

  test('ends with none when the signal fires, and takes nothing when it had', async () => {
    const { broker, take } = await withGroups(0);
    const stop = new AbortController();
    const waiting = broker.nextBatch({ ...at('trainer'), waitMs: undefined, signal: stop.signal });
    stop.abort();
    expect((await waiting).kind).toBe('none');
    await broker.submit(group('a', 4));
    const dead = await broker.nextBatch({ ...at('trainer'), waitMs: 0, signal: stop.signal });
    expect(dead.kind).toBe('none');
    expect((await take()).delivery).toBe(1);
  });

  test('ends when another’s lease is over', async () => {
    const { broker, clock, take } = await withGroups(1);
    await broker.registerConsumer({ ...at('other'), worldSize: 1, mode: 'compete' });
    const waiting = broker.nextBatch({ ...at('other'), waitMs: undefined, signal: never });
    // It went to whoever waited; the other one waits for the lease to end.
    const held = await waiting;
    const second = broker.nextBatch({ ...at('trainer'), waitMs: undefined, signal: never });
    clock.advance(5_000);
    expect(await second).toEqual({
      kind: 'batch',
      batch: { ...(held.kind === 'batch' && held.batch), delivery: 2 },
    });
    expect(clock.timers).toBe(0);
    expect((await take()).delivery).toBe(2);
  });

  test('ends when the run closes; a rank may still fetch and ack what its consumer holds', async () => {
    const { broker, take, ack, next } = await withGroups(2, { worldSize: 2 });
    const batch = await take('trainer', 0);
    await ack(batch, 'trainer', 0);
    const waiting = broker.nextBatch({ ...at('trainer'), waitMs: undefined, signal: never });
    await broker.closeRun('run');
    expect(await waiting).toEqual({
      kind: 'none',
      waiting: 4,
      needed: 4,
      closed: true,
      heldBackBy: [],
    });
    expect(await ack(await take('trainer', 1), 'trainer', 1)).toEqual({ complete: true, step: 1 });
    expect(await next('trainer', 1)).toMatchObject({ kind: 'none', closed: true });
  });

  test('ends when the broker closes, which refuses everything from then on', async () => {
    const { broker, clock, next } = await withGroups(0);
    const batch = broker.nextBatch({ ...at('trainer'), waitMs: undefined, signal: never });
    const leases = broker.lease({
      workerId: 'w',
      environments: ['env'],
      max: 1,
      waitMs: 60_000,
      signal: never,
    });
    expect(clock.timers).toBe(1);
    await broker.close();
    expect((await batch).kind).toBe('none');
    expect(await leases).toEqual([]);
    expect(clock.timers).toBe(0);
    await expect(next()).rejects.toMatchObject({ reason: 'BROKER_CLOSED' });
  });
});

test('an unknown batch is not found', async () => {
  const { broker } = await withGroups(0);
  for (const batchId of ['batch-1', 'batch-0', 'x']) {
    await expect(broker.ackBatch({ ...at('trainer'), batchId })).rejects.toMatchObject({
      kind: 'not_found',
      reason: 'BATCH_NOT_FOUND',
    });
  }
});
