import { describe, expect, test } from 'vitest';
import { type NextBatch, openDurableBroker, type RunSettings } from '../../src/broker/index.ts';
import { idsOf, never, openFixture } from './support/fixture.ts';
import { assignment, group, named, settings } from './support/groups.ts';
import { share } from './support/lanes.ts';
import { ManualClock } from './support/manual-clock.ts';
import { MapStore } from './support/map-store.ts';

const LEASE_MS = 1_000;
const shared: Partial<RunSettings> = {
  batchSize: { kind: 'groups', groups: 4 },
  shares: [share('slow', 1, { minShare: 0.25 })],
};
const of = (environment: string) => ({ environment });

/** A consumer that waits, and what it has got by now. */
async function waiting(fixture: Awaited<ReturnType<typeof openFixture>>) {
  const batch = fixture.broker.nextBatch({
    ...{ runId: 'run', consumerId: 'trainer', rank: 0 },
    waitMs: undefined,
    signal: never,
  });
  let got: NextBatch | undefined;
  void batch.then((next) => {
    got = next;
  });
  return {
    async ids(): Promise<readonly string[] | undefined> {
      for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
      return got?.kind === 'batch' ? idsOf(got.batch) : undefined;
    },
  };
}

describe('a batch waits for an environment that is short of its minimum', () => {
  test('until its groups are there', async () => {
    const fixture = await openFixture(shared);
    for (const id of ['a', 'b', 'c', 'd', 'e']) await fixture.broker.submit(group(id));
    const consumer = await waiting(fixture);
    expect(await consumer.ids()).toBeUndefined();
    await fixture.broker.submit(group('s', 1, of('slow')));
    expect(await consumer.ids()).toEqual(['s', 'a', 'b', 'c']);
    await fixture.broker.close();
  });

  test('until it has been silent for a lease, by a timer and without anybody asking', async () => {
    const fixture = await openFixture(shared);
    for (const id of ['a', 'b', 'c', 'd']) await fixture.broker.submit(group(id));
    const consumer = await waiting(fixture);
    fixture.clock.advance(LEASE_MS - 1);
    expect(await consumer.ids()).toBeUndefined();
    fixture.clock.advance(1);
    expect(await consumer.ids()).toEqual(['a', 'b', 'c', 'd']);
    expect(fixture.clock.timers).toBe(0);
  });

  test('longer for every group it submits, even when somebody waited before it did', async () => {
    const fixture = await openFixture(shared);
    fixture.clock.advance(5 * LEASE_MS);
    const consumer = await waiting(fixture);
    for (const id of ['a', 'b', 'c']) await fixture.broker.submit(group(id));
    await fixture.broker.submit(group('s', 1, of('slow')));
    expect(await consumer.ids()).toHaveLength(4);
    const next = await waiting(fixture);
    await fixture.ack((await fixture.take()) as never);
    for (const id of ['d', 'e', 'f', 'g']) await fixture.broker.submit(group(id));
    fixture.clock.advance(LEASE_MS - 1);
    expect(await next.ids()).not.toEqual(['d', 'e', 'f', 'g']);
    fixture.clock.advance(1);
    const last = await waiting(fixture);
    expect(await last.ids()).toEqual(['d', 'e', 'f', 'g']);
    await fixture.broker.close();
  });

  test('for as long as one of its assignments is played and kept', async () => {
    const fixture = await openFixture(shared);
    const { broker, clock } = fixture;
    await broker.enqueue([assignment('s', of('slow')), assignment('late', of('slow'))]);
    const lease = (workerId: string) =>
      broker.lease({ workerId, environments: ['slow'], max: 1, waitMs: 0, signal: never });
    for (const id of ['a', 'b', 'c', 'd']) await broker.submit(group(id));
    expect(await lease('worker')).toHaveLength(1);
    const consumer = await waiting(fixture);
    for (let beat = 0; beat < 5; beat += 1) {
      clock.advance(LEASE_MS - 100);
      expect(await broker.extend('worker', named('s'))).toEqual([]);
    }
    clock.advance(LEASE_MS - 1);
    expect(await consumer.ids()).toBeUndefined();
    // The worker is gone. Its assignments are queued, and nobody plays them.
    clock.advance(1);
    expect(await consumer.ids()).toEqual(['a', 'b', 'c', 'd']);
    await broker.close();
  });

  test('for ever where that is declared', async () => {
    const shares = [share('slow', 1, { minShare: 0.25, whenShort: 'wait' })];
    const fixture = await openFixture({ ...shared, shares });
    for (const id of ['a', 'b', 'c', 'd']) await fixture.broker.submit(group(id));
    const consumer = await waiting(fixture);
    fixture.clock.advance(1_000 * LEASE_MS);
    expect(await consumer.ids()).toBeUndefined();
    expect(fixture.clock.timers).toBe(0);
    await fixture.broker.submit(group('s', 1, of('slow')));
    expect(await consumer.ids()).toEqual(['s', 'a', 'b', 'c']);
  });

  test('whose groups come in past a full queue, and nobody else’s do', async () => {
    const fixture = await openFixture({ ...shared, maxWaitingGroups: 4 });
    const { broker, take } = fixture;
    for (const id of ['a', 'b', 'c', 'd']) await broker.submit(group(id));
    await expect(broker.submit(group('e'))).rejects.toMatchObject({ reason: 'QUEUE_FULL' });
    await broker.submit(group('s', 1, of('slow')));
    expect(idsOf(await take())).toEqual(['s', 'a', 'b', 'c']);
  });

  test('is cut without when its groups find no room, so that there is some', async () => {
    const limits = { maxWaitingBytes: 4 };
    const fixture = await openFixture(shared, { limits });
    for (const id of ['a', 'b', 'c', 'd']) await fixture.broker.submit(group(id));
    const consumer = await waiting(fixture);
    expect(await consumer.ids()).toBeUndefined();
    const late = group('s', 1, of('slow'));
    const refused = fixture.broker.submit(late);
    await expect(refused).rejects.toMatchObject({ reason: 'QUEUE_FULL' });
    expect(await consumer.ids()).toEqual(['a', 'b', 'c', 'd']);
    await fixture.broker.waitForRoom('run', never, late);
    await fixture.broker.submit(late);
  });
});

test('what an environment is behind its share is known after a restart', async () => {
  const store = new MapStore();
  const open = () => openDurableBroker({ store: store.reopened(), clock: new ManualClock() });
  const size = { kind: 'groups', groups: 3 } as const;
  const shares = [share('a', 1), share('b', 1)];
  const taken: string[] = [];
  const key = { runId: 'run', consumerId: 'trainer' };
  let broker = open();
  await broker.openRun('run', settings({ batchSize: size, shares }), 0);
  await broker.registerConsumer({ ...key, worldSize: 1, mode: 'compete' });
  for (let index = 0; index < 12; index += 1) {
    await broker.submit(group(`a${index}`, 1, of('a')));
    await broker.submit(group(`b${index}`, 1, of('b')));
  }
  for (let cut = 0; cut < 4; cut += 1) {
    const next = await broker.nextBatch({ ...key, rank: 0, waitMs: 0, signal: never });
    if (next.kind === 'none') throw new Error('no batch');
    taken.push(...next.batch.groups.map(({ environment }) => environment));
    await broker.ackBatch({ ...key, rank: 0, batchId: next.batch.id });
    broker = open();
  }
  expect(taken.join('')).toBe('abababababab');
  await broker.close();
});
