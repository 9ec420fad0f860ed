import { expect, test } from 'vitest';
import { type Broker, openDurableBroker } from '../../../src/broker/index.ts';
import { idsOf, never } from '../support/fixture.ts';
import { assignment, group, settings } from '../support/groups.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { MapStore } from '../support/map-store.ts';

const trainer = { runId: 'run', consumerId: 'trainer', rank: 0 };
const oneEach = settings({ batchSize: { kind: 'groups', groups: 1 } });

async function take(broker: Broker) {
  const next = await broker.nextBatch({ ...trainer, waitMs: 0, signal: never });
  return next.kind === 'batch' ? next.batch : undefined;
}

/** A store with a run, of which step 1 is committed, step 2 acked, and a third group waits. */
async function trainedStore(nowMs = 1_000): Promise<MapStore> {
  const store = new MapStore();
  const broker = openDurableBroker({ store, clock: new ManualClock(nowMs) });
  await broker.openRun('run', oneEach, 0);
  await broker.registerConsumer({ ...trainer, worldSize: 1, mode: 'compete' });
  for (const id of ['g1', 'g2', 'g3']) await broker.submit(group(id));
  for (const step of [1, 2]) {
    await broker.ackBatch({ ...trainer, batchId: (await take(broker))!.id });
    if (step === 1) await broker.commitStep({ ...trainer, step });
  }
  return store;
}

test('groups that a trainer may go back to do not wait again in a broker that is opened anew', async () => {
  const broker = openDurableBroker({ store: await trainedStore(), clock: new ManualClock() });
  expect(await broker.status('run')).toMatchObject({ waitingGroups: 1, run: { step: 2 } });
  const next = await take(broker);
  expect([next?.step, idsOf(next!)]).toEqual([3, ['g3']]);
  await broker.ackBatch({ ...trainer, batchId: next!.id });
  expect(await take(broker)).toBeUndefined();
  await broker.rewindToStep({ ...trainer, step: 1 });
  expect([idsOf((await take(broker))!), (await broker.status('run')).waitingGroups]).toEqual([
    ['g2'],
    0,
  ]);
});

const DAY_MS = 86_400_000;

test.each([
  ['set back by a day', -DAY_MS, 0],
  ['set on by a day', DAY_MS, DAY_MS],
])(
  'a clock that was %s between two starts makes no age negative and ends no lease',
  async (_, by, age) => {
    const startMs = 1_000 * DAY_MS;
    const store = await trainedStore(startMs);
    const held = openDurableBroker({ store, clock: new ManualClock(startMs) });
    const batch = (await take(held))!;
    await held.submit(group('g4'));

    const clock = new ManualClock(startMs + by);
    const broker = openDurableBroker({ store, clock, batchLeaseMs: 5_000 });
    const { oldestWaitingMs, run } = await broker.status('run');
    expect(oldestWaitingMs).toBe(age);
    expect(run.openTimeMs).toBeLessThanOrEqual(clock.nowMs());
    // The lease is a new one of the same holder, by this clock.
    const other = { runId: 'run', consumerId: 'other' };
    await broker.registerConsumer({ ...other, worldSize: 1, mode: 'compete' });
    const ask = () => broker.nextBatch({ ...other, rank: 0, waitMs: 0, signal: never });
    const second = await ask();
    expect(second.kind === 'batch' && second.batch.step).toBe(batch.step + 1);
    clock.advance(4_999);
    expect((await take(broker))?.id).toBe(batch.id);
  },
);

test('runs keep the order that they were opened in, whatever the clock said then', async () => {
  const store = new MapStore();
  for (const [index, nowMs] of [5_000, 1_000, 3_000].entries()) {
    const broker = openDurableBroker({ store, clock: new ManualClock(nowMs) });
    await broker.openRun(`run ${index}`, oneEach, 0);
  }
  const broker = openDurableBroker({ store, clock: new ManualClock(2_000) });
  const ids = (await broker.listRuns()).map(({ id }) => id);
  expect(ids).toEqual(['run 2', 'run 1', 'run 0']);
});

test('opening reads each record once, and no payload', async () => {
  const store = new MapStore();
  const broker = openDurableBroker({ store, clock: new ManualClock() });
  await broker.openRun('run', oneEach, 0);
  await Promise.all(Array.from({ length: 500 }, (_, at) => broker.submit(group(`g${at}`))));
  await broker.enqueue(Array.from({ length: 500 }, (_, at) => assignment(`a${at}`)));
  let read = 0;
  const reopened = Object.assign(new MapStore(), {
    *records(prefix: string) {
      for (const record of store.records(prefix)) {
        read += 1;
        yield record;
      }
    },
    read: () => Promise.reject(new Error('a payload was read')),
  });
  const again = openDurableBroker({ store: reopened, clock: new ManualClock() });
  expect(await again.status('run')).toMatchObject({ waitingGroups: 500, openAssignments: 500 });
  expect(read).toBe(store.records_.size);
});
