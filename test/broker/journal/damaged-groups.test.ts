import { describe, expect, test } from 'vitest';
import { type Broker, openDurableBroker, type StoreRecord } from '../../../src/broker/index.ts';
import { MetricsRegistry, renderMetricsText } from '../../../src/telemetry/index.ts';
import { idsOf, never } from '../support/fixture.ts';
import { group, settings } from '../support/groups.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { MapStore } from '../support/map-store.ts';

const trainer = { runId: 'run', consumerId: 'trainer', rank: 0 };
const pairs = settings({ batchSize: { kind: 'groups', groups: 2 } });

async function opened(store: MapStore, ids: readonly string[]): Promise<Broker> {
  const broker = reopened(store);
  await broker.openRun('run', pairs, 0);
  await broker.registerConsumer({ ...trainer, worldSize: 1, mode: 'compete' });
  for (const id of ids) await broker.submit(group(id));
  return broker;
}

const reopened = (store: MapStore, options = {}) =>
  openDurableBroker({ store, clock: new ManualClock(), ...options });

async function take(broker: Broker) {
  const next = await broker.nextBatch({ ...trainer, waitMs: 0, signal: never });
  return next.kind === 'batch' ? next.batch : undefined;
}

describe('a group that is damaged while it waits', () => {
  test('is dropped when its batch is cut; the others of it are cut again, in their order, under the same step', async () => {
    const store = new MapStore();
    const broker = await opened(store, ['g1', 'g2', 'g3', 'g4', 'g5']);
    store.damage('g1');
    const first = (await take(broker))!;
    expect([first.step, idsOf(first)]).toEqual([1, ['g2', 'g3']]);
    await broker.ackBatch({ ...trainer, batchId: first.id });
    expect(idsOf((await take(broker))!)).toEqual(['g4', 'g5']);
    expect(await broker.status('run')).toMatchObject({
      acceptedGroups: 5,
      droppedGroups: { damaged: 1 },
      givenUpBatches: 0,
      recentBatches: 2,
    });
  });

  test('leaves its place, and its id to whoever still has it', async () => {
    const store = new MapStore();
    let broker = await opened(store, ['g1', 'g2']);
    store.damage('g1');
    expect(await take(broker)).toBeUndefined();
    broker = reopened(store);
    expect(await broker.status('run')).toMatchObject({ waitingGroups: 1, acceptedGroups: 2 });
    await expect(broker.getGroup('run', 'g1')).rejects.toMatchObject({ reason: 'GROUP_NOT_FOUND' });
    expect(await broker.submit(group('g1'))).toEqual({ kind: 'stored', position: 3 });
    expect(await broker.submit(group('g1'))).toEqual({ kind: 'duplicate', position: 3 });
    expect(await broker.submit(group('g2'))).toEqual({ kind: 'duplicate', position: 2 });
    broker = reopened(store);
    expect(await broker.submit(group('g1'))).toEqual({ kind: 'duplicate', position: 3 });
    const batch = (await take(broker))!;
    expect(idsOf(batch)).toEqual(['g2', 'g1']);
    expect(await batch.groups[1]!.payload.parts({ signal: never })).toEqual([
      new TextEncoder().encode('g1'),
    ]);
  });

  test('does not keep a rank that waits from the batch that another submit fills', async () => {
    const store = new MapStore();
    const broker = await opened(store, ['g1', 'g2']);
    store.damage('g2');
    const waits = broker.nextBatch({ ...trainer, waitMs: undefined, signal: never });
    await expect
      .poll(async () => (await broker.status('run')).droppedGroups)
      .toEqual({ damaged: 1 });
    await broker.submit(group('g3'));
    const next = await waits;
    expect(next.kind === 'batch' && idsOf(next.batch)).toEqual(['g1', 'g3']);
  });

  test('whose batch has grown too old meanwhile takes no stale one back into the queue', async () => {
    const store = new MapStore();
    const broker = reopened(store);
    await broker.openRun('run', { ...pairs, maxStaleness: 0 }, 0);
    await broker.registerConsumer({ ...trainer, worldSize: 1, mode: 'compete' });
    for (const id of ['g1', 'g2']) await broker.submit(group(id));
    store.damage('g2');
    const { read } = store;
    store.read = async (ref) => {
      await broker.publishPolicyVersion('run', 1);
      return read.call(store, ref);
    };
    expect(await take(broker)).toBeUndefined();
    expect(await broker.status('run')).toMatchObject({
      waitingGroups: 0,
      droppedGroups: { damaged: 1, stale: 1 },
    });
  });

  test('is passed over by a scan once that is known', async () => {
    const store = new MapStore();
    const broker = await opened(store, ['g1', 'g2', 'g3']);
    store.damage('g1');
    const scan = async () => {
      const found: string[] = [];
      for await (const { group } of broker.scanGroups('run', 0)) found.push(group.id);
      return found;
    };
    expect(await scan()).toEqual(['g1', 'g2', 'g3']);
    const { payload } = await broker.getGroup('run', 'g1');
    await expect(payload.header({ signal: never })).resolves.toHaveLength(0);
    await expect(payload.parts({ signal: never })).rejects.toMatchObject({
      reason: 'PAYLOAD_DAMAGED',
    });
    expect(await scan()).toEqual(['g2', 'g3']);
  });
});

describe('a batch that somebody had', () => {
  test('is given up as a whole when it should come again; whoever had it is told, and the next one comes', async () => {
    const store = new MapStore();
    const metrics = new MetricsRegistry();
    let broker = await opened(store, ['g1', 'g2', 'g3', 'g4']);
    const had = (await take(broker))!;
    store.damage('g2');
    broker = reopened(store, { metrics });
    const next = (await take(broker))!;
    expect([next.step, idsOf(next)]).toEqual([2, ['g3', 'g4']]);
    const held = { ...trainer, batchId: had.id };
    const givenUp = { kind: 'aborted', reason: 'BATCH_GIVEN_UP', metadata: { cause: 'damaged' } };
    await expect(broker.ackBatch(held)).rejects.toMatchObject(givenUp);
    await expect(broker.extendBatch(held)).rejects.toMatchObject(givenUp);
    await expect(broker.nackBatch({ ...held, reason: '' })).rejects.toMatchObject(givenUp);
    await broker.ackBatch({ ...trainer, batchId: next.id });
    broker = reopened(store, { metrics });
    await expect(broker.ackBatch(held)).rejects.toMatchObject(givenUp);
    expect(await broker.submit(group('g1'))).toEqual({ kind: 'duplicate', position: 1 });
    expect(await broker.status('run')).toMatchObject({
      run: { step: 2 },
      waitingGroups: 0,
      droppedGroups: { damaged: 1, damaged_batch: 1 },
      givenUpBatches: 1,
    });
    expect(renderMetricsText(metrics)).toContain(
      'lachesis_broker_batches_total{event="given_up"} 1',
    );
    expect(renderMetricsText(metrics)).toContain('groups_dropped_total{reason="damaged_batch"} 1');
  });

  test('may be acked while it is damaged: it need not come again', async () => {
    const store = new MapStore();
    const broker = await opened(store, ['g1', 'g2']);
    const batch = (await take(broker))!;
    store.damage('g1');
    const parts = batch.groups[0]!.payload.parts({ signal: never });
    await expect(parts).rejects.toMatchObject({ reason: 'PAYLOAD_DAMAGED' });
    expect(await broker.ackBatch({ ...trainer, batchId: batch.id })).toEqual({
      complete: true,
      step: 1,
    });
    expect((await broker.status('run')).droppedGroups).toEqual({});
  });

  test('and that was damaged under way is given up when it is asked for again', async () => {
    const store = new MapStore();
    const broker = await opened(store, ['g1', 'g2', 'g3', 'g4']);
    const batch = (await take(broker))!;
    store.damage('g1');
    await expect(batch.groups[0]!.payload.parts({ signal: never })).rejects.toThrow();
    expect(idsOf((await take(broker))!)).toEqual(['g3', 'g4']);
  });
});

test('a batch is given up for all; who was done with it stays so, and nobody waits for it', async () => {
  const store = new MapStore();
  const broker = await opened(store, ['g1', 'g2', 'g3', 'g4']);
  const other = { runId: 'run', consumerId: 'eval', rank: 0 };
  const takeOther = (from: Broker) => from.nextBatch({ ...other, waitMs: 0, signal: never });
  await broker.registerConsumer({ ...other, worldSize: 1, mode: 'fan_out' });
  const first = (await take(broker))!;
  expect(await takeOther(broker)).toMatchObject({ batch: { step: 1 } });
  await broker.ackBatch({ ...trainer, batchId: first.id });
  store.damage('g1');
  const again = reopened(store);
  expect(await takeOther(again)).toMatchObject({ batch: { step: 2 } });
  await expect(again.ackBatch({ ...other, batchId: first.id })).rejects.toMatchObject({
    reason: 'BATCH_GIVEN_UP',
  });
  expect(await again.ackBatch({ ...trainer, batchId: first.id })).toEqual({
    complete: true,
    step: 1,
  });
  const { consumers, givenUpBatches } = await again.status('run');
  expect(consumers.first.map(({ step }) => step)).toEqual([1, 1]);
  expect(givenUpBatches).toBe(1);
});

test('what was given up stays dropped when a first commit pins the batches around it', async () => {
  const store = new MapStore();
  let broker = await opened(store, ['g1', 'g2', 'g3', 'g4']);
  await take(broker);
  store.damage('g1');
  broker = reopened(store, { limits: { replayBytes: 0 } });
  const second = (await take(broker))!;
  expect(second.step).toBe(2);
  await broker.commitStep({ ...trainer, step: 1 });
  await broker.ackBatch({ ...trainer, batchId: second.id });
  expect(await broker.rewindToStep({ ...trainer, step: 0 })).toEqual({ batches: 1 });
  expect(await take(broker)).toMatchObject({ step: 2, digest: second.digest });
  await broker.commitStep({ ...trainer, step: 1 });
  await broker.ackBatch({ ...trainer, batchId: second.id });
  await broker.commitStep({ ...trainer, step: 2 });
  expect(store.live.size).toBe(0);
});

test('who goes back gets the batches that are whole, as they were, without the one that is damaged', async () => {
  const store = new MapStore();
  let broker = await opened(store, ['g1', 'g2', 'g3', 'g4', 'g5', 'g6']);
  await broker.commitStep({ ...trainer, step: 0 });
  const digests: Uint8Array[] = [];
  for (let step = 1; step <= 3; step += 1) {
    const batch = (await take(broker))!;
    digests.push(batch.digest);
    await broker.ackBatch({ ...trainer, batchId: batch.id });
  }
  store.damage('g4');
  broker = reopened(store);
  const again = async () => {
    const found = [];
    for (let batch = await take(broker); batch !== undefined; batch = await take(broker)) {
      found.push([batch.step, batch.digest]);
      await broker.ackBatch({ ...trainer, batchId: batch.id });
    }
    return found;
  };
  const whole = [
    [1, digests[0]],
    [3, digests[2]],
  ];
  expect(await broker.rewindToStep({ ...trainer, step: 0 })).toEqual({ batches: 3 });
  expect(await again()).toEqual(whole);
  expect(await broker.rewindToStep({ ...trainer, step: 0 })).toEqual({ batches: 2 });
  broker = reopened(store);
  expect(await again()).toEqual(whole);
  await broker.commitStep({ ...trainer, step: 3 });
  expect(await broker.status('run')).toMatchObject({
    run: { step: 3 },
    droppedGroups: { damaged: 1, damaged_batch: 1 },
    givenUpBatches: 1,
  });
});

describe('a read that fails for now', () => {
  test('is no damage: the call is told, and the batch comes to whoever asks again', async () => {
    const store = new MapStore();
    const broker = await opened(store, ['g1', 'g2']);
    const { read } = store;
    store.read = async () => {
      store.read = read;
      throw new Error('EIO: i/o error, read');
    };
    await expect(take(broker)).rejects.toThrow('EIO');
    const batch = (await take(broker))!;
    expect([batch.step, batch.delivery, idsOf(batch)]).toEqual([1, 1, ['g1', 'g2']]);
    expect((await broker.status('run')).droppedGroups).toEqual({});
  });

  test('nor are bytes that are right when they are looked at again', async () => {
    const store = new MapStore();
    const broker = await opened(store, ['g1', 'g2']);
    store.damage('g1');
    const { read } = store;
    store.read = (ref) => {
      const answer = read.call(store, ref);
      store.damaged.clear();
      return answer;
    };
    expect(idsOf((await take(broker))!)).toEqual(['g1', 'g2']);
  });

  test('a rank that leaves while its batch is checked takes nothing', async () => {
    const store = new MapStore();
    const broker = await opened(store, ['g1', 'g2']);
    const { read } = store;
    const leaving = new AbortController();
    const reading = Promise.withResolvers<void>();
    store.read = async (ref) => {
      leaving.abort();
      await reading.promise;
      return read.call(store, ref);
    };
    const left = broker.nextBatch({ ...trainer, waitMs: undefined, signal: leaving.signal });
    expect(await left).toMatchObject({ kind: 'none' });
    reading.resolve();
    expect(await take(broker)).toMatchObject({ step: 1, delivery: 1 });
  });
});

test('what a repair left out is dropped when the store is opened, and its note is gone then', async () => {
  const store = new MapStore();
  const broker = await opened(store, ['g1', 'g2', 'g3']);
  const [offset] = [...store.payloads].find(([, bytes]) => Buffer.from('g2').equals(bytes))!;
  await broker.close();
  const lost: StoreRecord = { key: `lost/0/${offset}/2/0`, value: Buffer.from('run/g2') };
  store.commit({ put: [lost] });
  store.payloads.delete(offset);
  const again = reopened(store);
  expect(await again.status('run')).toMatchObject({
    waitingGroups: 2,
    droppedGroups: { damaged: 1 },
  });
  expect(idsOf((await take(again))!)).toEqual(['g1', 'g3']);
  expect([...store.records('lost/')]).toEqual([]);
});
