import { describe, expect, test } from 'vitest';
import { openDurableBroker } from '../../src/broker/index.ts';
import { idsOf, never, openFixture } from './support/fixture.ts';
import { group, settings } from './support/groups.ts';
import { MapStore } from './support/map-store.ts';

const of = (consumerId: string) => ({ runId: 'run', consumerId });

/** A run of batches of one group each, with so many groups, a `trainer` and a fan-out consumer `eval`. */
async function withEval(
  groups: number,
  options: Parameters<typeof openFixture>[1] = {},
  maxStaleness?: number,
) {
  const batchSize = { kind: 'groups', groups: 1 } as const;
  const fixture = await openFixture({ batchSize, maxStaleness }, options);
  const { broker, take, ack } = fixture;
  const join = (id: string, rejoin = false, mode: 'compete' | 'fan_out' = 'fan_out') =>
    broker.registerConsumer({ ...of(id), worldSize: 1, mode, rejoin });
  await join('eval');
  for (let at = 1; at <= groups; at += 1) await broker.submit(group(`g${at}`));
  const train = async (id = 'trainer') => {
    const batch = await take(id);
    await ack(batch, id);
    return batch;
  };
  const standing = async (id: string) =>
    (await broker.status('run')).consumers.first.find(({ consumerId }) => consumerId === id);
  return { ...fixture, join, train, standing };
}

describe('a fan-out consumer that falls behind', () => {
  const limits = { maxOpenBatches: 2 };

  test('is named to who waits, with how many batches and since when', async () => {
    const { clock, train, next, standing } = await withEval(3, { limits });
    await train();
    clock.advance(3_000);
    await train();
    clock.advance(1_000);
    expect(await next()).toMatchObject({
      kind: 'none',
      waiting: 1,
      heldBackBy: [{ consumerId: 'eval', openBatches: 2, oldestMs: 4_000, holdsBack: 'ack' }],
    });
    expect(await standing('eval')).toEqual({
      ...{ consumerId: 'eval', mode: 'fan_out', worldSize: 1 },
      ...{ step: 0, nextStep: 1, committedStep: undefined, openBatches: 2, keptBatches: 0 },
      ...{ holdsBack: 'ack', oldestMs: 4_000, lastSeenMs: 4_000 },
    });
    expect(await standing('trainer')).toMatchObject({
      ...{ step: 2, nextStep: 3, openBatches: 0, holdsBack: undefined, lastSeenMs: 0 },
    });
  });

  test('is taken out, and the run goes on at once', async () => {
    const { broker, train, next } = await withEval(3, { limits });
    await train();
    await train();
    const waiting = broker.nextBatch({
      ...of('trainer'),
      rank: 0,
      waitMs: undefined,
      signal: never,
    });
    expect(await broker.unregisterConsumer(of('eval'))).toEqual({ existed: true, released: 2 });
    expect(await waiting).toMatchObject({ kind: 'batch', batch: { step: 3 } });
    expect(await broker.unregisterConsumer(of('eval'))).toEqual({ existed: false, released: 0 });
    expect((await next()).kind).toBe('batch');
    const { consumers, throughput } = await broker.status('run');
    expect(consumers.first.map(({ consumerId }) => consumerId)).toEqual(['trainer']);
    expect(throughput.trainedGroups).toBe(2);
  });

  test('is seen for as long as it waits for a batch', async () => {
    const { broker, clock, standing } = await withEval(0);
    const wait = { ...of('eval'), rank: 0, waitMs: 9_000, signal: never };
    const waiting = broker.nextBatch(wait);
    clock.advance(8_000);
    expect(await standing('eval')).toMatchObject({ lastSeenMs: 0 });
    clock.advance(1_000);
    await waiting;
    clock.advance(500);
    expect(await standing('eval')).toMatchObject({ lastSeenMs: 500 });
  });
});

describe('a consumer that was taken out', () => {
  test('is told so by whatever it asks, also what it waits for', async () => {
    const { broker, train, take, ack, next } = await withEval(1);
    await train('trainer');
    const held = await take('eval');
    const waiting = broker.nextBatch({
      ...of('trainer'),
      rank: 0,
      waitMs: undefined,
      signal: never,
    });
    await broker.unregisterConsumer(of('eval'));
    await broker.unregisterConsumer(of('trainer'));
    const gone = { kind: 'failed_precondition', reason: 'CONSUMER_UNREGISTERED' };
    await expect(waiting).rejects.toMatchObject({ ...gone, metadata: { step: '1' } });
    await expect(next('eval')).rejects.toMatchObject(gone);
    await expect(ack(held, 'eval')).rejects.toMatchObject(gone);
    await expect(broker.commitStep({ ...of('eval'), step: 0 })).rejects.toMatchObject(gone);
    await expect(broker.rewindToStep({ ...of('eval'), step: 0 })).rejects.toMatchObject(gone);
  });

  test('joins again when it says so, with the batches that are open, and no ack of before counts', async () => {
    const { broker, join, train, take } = await withEval(3);
    await train();
    const before = await take('eval');
    await broker.registerConsumer({ ...of('slow'), worldSize: 1, mode: 'fan_out' });
    await broker.unregisterConsumer(of('eval'));
    await expect(join('eval')).rejects.toMatchObject({
      reason: 'CONSUMER_UNREGISTERED',
      remedy: expect.stringContaining('rejoin'),
    });
    expect(await join('eval', true)).toMatchObject({ step: 0, committedStep: undefined });
    const again = await take('eval');
    expect(again).toEqual({ ...before, delivery: 2 });
    const late = { ...of('eval'), batchId: before.id, rank: 0, delivery: before.delivery };
    await expect(broker.ackBatch(late)).rejects.toMatchObject({ reason: 'STALE_LEASE' });
    await join('eval');
  });

  test('does not do again what it had done', async () => {
    const { broker, join, train, take } = await withEval(2);
    await train('eval');
    await broker.unregisterConsumer(of('eval'));
    expect(await join('eval', true)).toMatchObject({ step: 1 });
    expect((await take('eval')).step).toBe(2);
  });

  test('as the last leaves what it had not done to the next who comes, identical', async () => {
    const { broker, join, take, train } = await withEval(2);
    await broker.unregisterConsumer(of('eval'));
    const held = await take('trainer');
    await broker.unregisterConsumer(of('trainer'));
    expect(await broker.status('run')).toMatchObject({ leasedBatches: 1, waitingGroups: 1 });
    await join('heir', false, 'compete');
    expect(await train('heir')).toEqual({ ...held, delivery: 2 });
    expect(idsOf(await train('heir'))).toEqual(['g2']);
  });

  test('of those that compete gives what it holds to the others', async () => {
    const { broker, join, take } = await withEval(1);
    await join('other', false, 'compete');
    const held = await take('trainer');
    expect(await broker.unregisterConsumer(of('trainer'))).toEqual({ existed: true, released: 1 });
    expect(await take('other')).toEqual({ ...held, delivery: 2 });
  });

  test('must have been there', async () => {
    const { broker } = await withEval(0);
    await expect(broker.unregisterConsumer(of('nobody'))).rejects.toMatchObject({
      kind: 'not_found',
      reason: 'CONSUMER_NOT_REGISTERED',
    });
  });
});

test('too many consumers forget one that competes, but never the last of them for one that does not', async () => {
  const { join } = await withEval(0, { limits: { maxConsumers: 2 } });
  await expect(join('third')).rejects.toMatchObject({ reason: 'LIMIT_REACHED' });
  await join('third', false, 'compete');
});

describe('retention', () => {
  const limits = { replayBytes: 0, maxUncommittedBatches: 2 };

  test('names who does not commit, and does not wait for one that was taken out', async () => {
    const { broker, clock, train, next } = await withEval(3, { limits });
    await broker.commitStep({ ...of('eval'), step: 0 });
    for (let at = 0; at < 2; at += 1) {
      await train();
      await train('eval');
      clock.advance(1_000);
    }
    await expect(next()).rejects.toMatchObject({
      reason: 'COMMIT_NEEDED',
      message: expect.stringContaining('for "eval" (2 batches, the oldest cut 2 s ago)'),
      remedy: expect.stringContaining('drop-consumer'),
      metadata: { consumers: 'eval', batches: '2', oldest_ms: '2000', step: '0' },
    });
    expect(await broker.getGroup('run', 'g1')).toMatchObject({ id: 'g1' });
    await broker.unregisterConsumer(of('eval'));
    expect((await next()).kind).toBe('batch');
    await expect(broker.getGroup('run', 'g1')).rejects.toMatchObject({ reason: 'GROUP_NOT_KEPT' });
  });

  test('begins at the first commit of a lane, which is refused where later batches were let go', async () => {
    const { broker, train } = await withEval(3, { limits: { replayBytes: 0 } });
    for (const id of ['trainer', 'eval']) for (let at = 0; at < 2; at += 1) await train(id);
    await expect(broker.commitStep({ ...of('eval'), step: 1 })).rejects.toMatchObject({
      reason: 'STEP_NOT_KEPT',
      field: 'step',
      remedy: expect.stringContaining('Commit step 2 or a later one'),
      metadata: { oldest_step: '2' },
    });
    await broker.commitStep({ ...of('eval'), step: 2 });
    for (const id of ['trainer', 'eval']) await train(id);
    expect(await broker.rewindToStep({ ...of('eval'), step: 2 })).toEqual({ batches: 1 });
  });

  /** Replay holds two groups, and what is dropped as stale takes the place of those that nothing else keeps. */
  async function crowded(groups: number) {
    const bytes = group('g1').payload.byteLength;
    const fixture = await withEval(groups, { limits: { replayBytes: 2 * bytes } }, 0);
    await fixture.broker.unregisterConsumer(of('eval'));
    const crowd = async () => {
      await fixture.broker.publishPolicyVersion('run', 1);
      for (const id of ['s1', 's2', 's3']) {
        await fixture.broker.submit(group(id, 1, { oldestPolicyVersion: 0 }));
      }
    };
    return { ...fixture, crowd };
  }

  test('keeps from a first commit on what was there by chance', async () => {
    const { broker, train, take, crowd } = await crowded(2);
    await train();
    await train();
    await broker.commitStep({ ...of('trainer'), step: 0 });
    await crowd();
    expect(await broker.rewindToStep({ ...of('trainer'), step: 0 })).toEqual({ batches: 2 });
    expect(idsOf(await take())).toEqual(['g1']);
  });

  test('of a lane that went back before its commit begins there again', async () => {
    const { broker, train, crowd } = await crowded(2);
    await train();
    await train();
    await broker.commitStep({ ...of('trainer'), step: 2 });
    await broker.rewindToStep({ ...of('trainer'), step: 0 });
    await train();
    await broker.commitStep({ ...of('trainer'), step: 1 });
    await train();
    await crowd();
    expect(await broker.rewindToStep({ ...of('trainer'), step: 1 })).toEqual({ batches: 1 });
  });
});

test('what was taken out stays so after a restart, and who joins again is told from who was there before', async () => {
  const store = new MapStore();
  let broker = openDurableBroker({ store: store.reopened() });
  await broker.openRun('run', settings({ batchSize: { kind: 'groups', groups: 1 } }), 0);
  await broker.submit(group('g1'));
  const consumer = { ...of('eval'), worldSize: 1, mode: 'fan_out' } as const;
  const next = () => broker.nextBatch({ ...of('eval'), rank: 0, waitMs: 0, signal: never });
  await broker.registerConsumer(consumer);
  await next();
  await broker.unregisterConsumer(of('eval'));
  broker = openDurableBroker({ store: store.reopened() });
  await expect(broker.registerConsumer(consumer)).rejects.toMatchObject({
    reason: 'CONSUMER_UNREGISTERED',
  });
  await broker.registerConsumer({ ...consumer, rejoin: true });
  expect(await next()).toMatchObject({ kind: 'batch', batch: { step: 1, delivery: 2 } });
  broker = openDurableBroker({ store: store.reopened() });
  await broker.registerConsumer(consumer);
  await broker.close();
});

describe('the step of a run', () => {
  test('is the furthest of its consumers, and no one of them that goes back lowers it', async () => {
    const { broker, train, standing } = await withEval(4);
    const step = async () => (await broker.getRun('run')).step;
    await train();
    await train();
    expect(await step()).toBe(2);
    await train('eval');
    await broker.publishPolicyVersion('run', 2);
    await broker.rewindToStep({ ...of('eval'), step: 0 });
    expect(await step()).toBe(2);
    expect(await standing('eval')).toMatchObject({ step: 0, nextStep: 1, openBatches: 2 });
    await train('eval');
    await train('eval');
    await broker.rewindToStep({ ...of('trainer'), step: 0 });
    expect([await step(), (await standing('trainer'))?.step]).toEqual([2, 0]);
    await broker.rewindToStep({ ...of('eval'), step: 0 });
    expect(await step()).toBe(0);
    // What is fresh is told by policy versions, which nobody's going back changes.
    expect(await broker.status('run')).toMatchObject({
      run: { policyVersion: 2 },
      waitingGroups: 2,
      droppedGroups: {},
    });
  });

  test('does not fall when who was furthest is taken out', async () => {
    const { broker, train } = await withEval(2);
    await train();
    await broker.unregisterConsumer(of('trainer'));
    expect((await broker.getRun('run')).step).toBe(1);
  });
});
