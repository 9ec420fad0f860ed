import { describe, expect, test } from 'vitest';
import { heldPayload } from '../../src/broker/index.ts';
import { MetricsRegistry } from '../../src/telemetry/index.ts';
import { emptyLedger } from '../../src/tokens/index.ts';
import { never, openFixture } from './support/fixture.ts';
import { group, settings } from './support/groups.ts';

describe('opening a run', () => {
  test('that exists takes it over when the settings are the same', async () => {
    const { broker } = await openFixture();
    await broker.publishPolicyVersion('run', 4);
    const { run, existed } = await broker.openRun('run', settings(), 0);
    expect(existed).toBe(true);
    expect(run.policyVersion).toBe(4);
  });

  test('with other settings is refused, naming them', async () => {
    const { broker } = await openFixture();
    const other = settings({ maxStaleness: 1, batchSize: { kind: 'rows', rows: 5 } });
    await expect(broker.openRun('run', other, 0)).rejects.toMatchObject({
      kind: 'failed_precondition',
      reason: 'RUN_SETTINGS_DIFFER',
      metadata: { settings: 'batchSize,maxStaleness' },
    });
  });

  test('lists it first, and the number of runs is bounded', async () => {
    const { broker } = await openFixture({}, { limits: { maxRuns: 2 } });
    await broker.openRun('second', settings(), 0);
    expect((await broker.listRuns()).map(({ id }) => id)).toEqual(['second', 'run']);
    await expect(broker.openRun('third', settings(), 0)).rejects.toMatchObject({
      kind: 'resource_exhausted',
    });
  });

  test('a closed run makes room for a new one, oldest first', async () => {
    const { broker } = await openFixture({}, { limits: { maxRuns: 2 } });
    await broker.openRun('second', settings(), 0);
    await broker.closeRun('second');
    await broker.openRun('third', settings(), 0);
    await expect(broker.getRun('second')).rejects.toMatchObject({ kind: 'not_found' });
    await expect(broker.openRun('fourth', settings(), 0)).rejects.toMatchObject({
      kind: 'resource_exhausted',
    });
  });

  test('with batches of nothing is refused', async () => {
    const { broker } = await openFixture();
    const empty = settings({ batchSize: { kind: 'groups', groups: 0 } });
    await expect(broker.openRun('empty', empty, 0)).rejects.toMatchObject({
      kind: 'invalid_input',
    });
  });
});

describe('the policy version', () => {
  test('only rises', async () => {
    const { broker } = await openFixture();
    expect(await broker.publishPolicyVersion('run', 3)).toBe(3);
    expect(await broker.publishPolicyVersion('run', 3)).toBe(3);
    await expect(broker.publishPolicyVersion('run', 2)).rejects.toMatchObject({
      kind: 'failed_precondition',
      reason: 'POLICY_VERSION_BEHIND',
    });
    expect((await broker.getRun('run')).policyVersion).toBe(3);
  });

  test('is watched: at once, at every change, the latest when several came', async () => {
    const { broker } = await openFixture();
    const stop = new AbortController();
    const versions = broker.watchPolicyVersion('run', stop.signal)[Symbol.asyncIterator]();
    expect((await versions.next()).value).toBe(0);
    const change = versions.next();
    await broker.publishPolicyVersion('run', 1);
    expect((await change).value).toBe(1);
    await broker.publishPolicyVersion('run', 2);
    await broker.publishPolicyVersion('run', 5);
    expect((await versions.next()).value).toBe(5);
    const end = versions.next();
    stop.abort();
    expect((await end).done).toBe(true);
  });

  test('ends its watchers with the run', async () => {
    const { broker } = await openFixture();
    const versions = broker.watchPolicyVersion('run', never)[Symbol.asyncIterator]();
    await versions.next();
    const end = versions.next();
    await broker.closeRun('run');
    expect((await end).done).toBe(true);
  });

  test('that rises drops what it makes stale, and counts it', async () => {
    const { broker, next } = await openFixture({ maxStaleness: 1 });
    await broker.submit(group('old', 2, { oldestPolicyVersion: 0 }));
    await broker.submit(group('new', 2, { oldestPolicyVersion: 1 }));
    await broker.publishPolicyVersion('run', 2);
    expect((await next()).kind).toBe('none');
    await broker.submit(group('late', 2, { oldestPolicyVersion: 0 }));
    expect(await broker.status('run')).toMatchObject({
      waitingGroups: 1,
      acceptedGroups: 3,
      droppedGroups: { stale: 2 },
    });
  });

  test('of a group that sampled nothing is the run’s when it came', async () => {
    const { broker } = await openFixture({ maxStaleness: 0 });
    await broker.publishPolicyVersion('run', 7);
    await broker.submit(group('a', 2, { oldestPolicyVersion: undefined }));
    expect((await broker.status('run')).waitingGroups).toBe(1);
  });
});

describe('the figures of a run', () => {
  test('count what came, what waits and what left', async () => {
    const { broker, clock, take } = await openFixture();
    const ledger = { ...emptyLedger(), sampled: 5, trained: 3, contextOnly: 2 };
    await broker.submit(group('a', 4, { rewards: [1, 0, undefined], ledger }));
    clock.advance(100);
    await broker.submit(group('b', [7, 8], { rewards: [0.5], ledger }));
    clock.advance(50);
    expect(await broker.status('run')).toMatchObject({
      waitingGroups: 2,
      waitingRows: 6,
      waitingTokens: 55,
      oldestWaitingMs: 150,
      acceptedGroups: 2,
      rollouts: 4,
      notScored: 1,
      recentMeanReward: 0.5,
      ledger: { sampled: 10, trained: 6, contextOnly: 4 },
      droppedGroups: {},
      leasedBatches: 0,
    });
    await take();
    expect(await broker.status('run')).toMatchObject({
      waitingGroups: 1,
      waitingRows: 2,
      waitingTokens: 15,
      oldestWaitingMs: 50,
      leasedBatches: 1,
    });
  });

  test('a group without rows is accepted, counted and dropped', async () => {
    const { broker } = await openFixture();
    await broker.submit(group('a', 0, { rewards: [undefined] }));
    expect(await broker.status('run')).toMatchObject({
      waitingGroups: 0,
      acceptedGroups: 1,
      notScored: 1,
      droppedGroups: { no_rows: 1 },
      recentMeanReward: undefined,
      oldestWaitingMs: undefined,
    });
  });

  test('a group without rows fills batches that count groups', async () => {
    const { broker, take } = await openFixture({ batchSize: { kind: 'groups', groups: 2 } });
    await broker.submit(group('a', 0, { rewards: [1] }));
    await broker.submit(group('b', 2, { rewards: [1] }));
    const batch = await take();
    expect(batch.groups.map(({ id }) => id)).toEqual(['a', 'b']);
    expect(batch.rows.map(({ groupIndex }) => groupIndex)).toEqual([1, 1]);
    expect(await broker.status('run')).toMatchObject({ droppedGroups: {}, waitingGroups: 0 });
  });

  test('go to the metrics too', async () => {
    const metrics = new MetricsRegistry();
    const { broker, take, ack } = await openFixture({}, { metrics });
    await broker.submit(group('a', 4));
    await broker.submit(group('a', 4));
    await ack(await take());
    const series = Object.fromEntries(metrics.snapshot().map(({ name, series }) => [name, series]));
    expect(series).toMatchObject({
      lachesis_broker_groups_submitted_total: [
        [['stored'], 1],
        [['duplicate'], 1],
      ],
      lachesis_broker_batches_total: [
        [['cut'], 1],
        [['acked'], 1],
      ],
    });
  });
});

describe('reading groups back', () => {
  const bytes = (size: number) => ({
    payload: heldPayload(new Uint8Array(0), [new Uint8Array(size)]),
  });

  async function positions(broker: Awaited<ReturnType<typeof openFixture>>['broker'], after = 0) {
    const seen: string[] = [];
    for await (const { position, group: found } of broker.scanGroups('run', after)) {
      seen.push(`${position}:${found.id}`);
    }
    return seen;
  }

  test('goes in submit order, from after a position, and never affects leases', async () => {
    const { broker, take } = await openFixture();
    for (const id of ['a', 'b', 'c']) await broker.submit(group(id, 2));
    await take();
    expect(await positions(broker)).toEqual(['1:a', '2:b', '3:c']);
    expect(await positions(broker, 2)).toEqual(['3:c']);
    expect(await positions(broker, 3)).toEqual([]);
    expect((await broker.getGroup('run', 'b')).id).toBe('b');
    await expect(broker.getGroup('run', 'x')).rejects.toMatchObject({ reason: 'GROUP_NOT_FOUND' });
  });

  test('lets trained groups go past the budget, oldest first, and still knows their ids', async () => {
    const { broker, take, ack } = await openFixture({}, { limits: { replayBytes: 100 } });
    for (const id of ['a', 'b', 'c', 'd']) await broker.submit(group(id, 2, bytes(40)));
    expect(await positions(broker)).toHaveLength(4);
    await ack(await take());
    await ack(await take());
    expect(await positions(broker)).toEqual(['3:c', '4:d']);
    await expect(broker.getGroup('run', 'a')).rejects.toMatchObject({ reason: 'GROUP_NOT_KEPT' });
    expect(await broker.submit(group('a', 2))).toEqual({ kind: 'duplicate', position: 1 });
  });
});
