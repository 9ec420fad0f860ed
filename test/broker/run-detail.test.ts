import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { BatchSize, RunSettings } from '../../src/broker/index.ts';
import { FURTHEST_BEHIND, WaitingVersions } from '../../src/broker/staleness-histogram.ts';
import { never, openFixture } from './support/fixture.ts';
import { assignment, group, named } from './support/groups.ts';

const inPairs: BatchSize = { kind: 'groups', groups: 2 };

describe('the shares of a run', () => {
  test('tell what waits and what the last batches took, by environment', async () => {
    const { broker, take, ack } = await openFixture({ batchSize: inPairs });
    await broker.submit(group('a', [5, 6], { environment: 'x' }));
    await broker.submit(group('b', [7], { environment: 'y' }));
    await broker.submit(group('c', [8], { environment: 'x' }));
    expect((await broker.status('run')).shares.first).toMatchObject([
      { environment: 'x', waitingGroups: 2, waitingRows: 3, waitingTokens: 19, recentGroups: 0 },
      { environment: 'y', waitingGroups: 1, waitingRows: 1, waitingTokens: 7, recentGroups: 0 },
    ]);
    await ack(await take());
    const { shares, recentBatches } = await broker.status('run');
    expect(recentBatches).toBe(1);
    expect(shares).toMatchObject({
      first: [
        { environment: 'x', waitingGroups: 1, recentGroups: 1, recentRows: 2, recentTokens: 11 },
        { environment: 'y', waitingGroups: 0, recentGroups: 1, recentRows: 1, recentTokens: 7 },
      ],
      more: 0,
    });
  });

  test('are of the last 32 batches, and forget an environment of which nothing is left', async () => {
    const { broker, take, ack } = await openFixture({ batchSize: { kind: 'groups', groups: 1 } });
    for (let at = 0; at < 33; at += 1) {
      await broker.submit(group(`g${at}`, 1, { environment: at === 0 ? 'once' : 'always' }));
      await ack(await take());
    }
    expect(await broker.status('run')).toMatchObject({
      recentBatches: 32,
      shares: { first: [{ environment: 'always', recentGroups: 32 }], more: 0 },
    });
  });

  test('name those that the run asks for with their weights, and no more than 64', async () => {
    const environments = ['x', 'y'].map((environment, at) => ({
      ...{ environment, groupSize: 1, split: '', weight: at + 1 },
    }));
    const autoPlay: RunSettings['autoPlay'] = { environments, maxAhead: 1, maxBatchesAhead: 0 };
    const { broker } = await openFixture({ autoPlay });
    for (let at = 0; at < 70; at += 1) {
      await broker.submit(group(`g${at}`, 1, { environment: `e${at}` }));
    }
    const { shares } = await broker.status('run');
    expect(shares.first).toHaveLength(64);
    expect(shares.more).toBe(8);
    expect(shares.first.slice(0, 3)).toMatchObject([
      { environment: 'x', waitingGroups: 0, weight: 1 },
      { environment: 'y', waitingGroups: 0, weight: 2 },
      { environment: 'e0', waitingGroups: 1, weight: undefined },
    ]);
  });
});

describe('the staleness of a run', () => {
  test('is that of what waits now, and of what was trained as its batch was cut', async () => {
    const { broker, take, ack } = await openFixture({ batchSize: inPairs });
    const submit = (id: string, oldestPolicyVersion: number | undefined) =>
      broker.submit(group(id, 1, { oldestPolicyVersion }));
    await submit('a', 0);
    await submit('b', 0);
    await submit('ahead', 2);
    await broker.publishPolicyVersion('run', 1);
    expect((await broker.status('run')).waitingByStaleness).toEqual([1, 2]);
    const batch = await take();
    await broker.publishPolicyVersion('run', 40);
    await submit('fresh', undefined);
    expect(await broker.status('run')).toMatchObject({
      waitingByStaleness: [1, ...new Array<number>(15).fill(0), 1],
      trainedByStaleness: [],
    });
    await ack(batch);
    expect((await broker.status('run')).trainedByStaleness).toEqual([0, 2]);
    await broker.rewindToStep({ runId: 'run', consumerId: 'trainer', step: 0 });
    expect((await broker.status('run')).trainedByStaleness).toEqual([]);
  });

  test('is as if each waiting group were asked', () => {
    const step = fc.oneof(
      fc.record({ add: fc.nat({ max: 60 }) }),
      fc.record({ remove: fc.nat() }),
      fc.record({ publish: fc.nat({ max: 9 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        let current = 20;
        const waiting: number[] = [];
        const versions = new WaitingVersions(current);
        for (const taken of steps) {
          if ('add' in taken) {
            waiting.push(taken.add);
            versions.add(taken.add);
          } else if ('publish' in taken) {
            current += taken.publish;
            versions.publish(current);
          } else if (waiting.length > 0) {
            const [version] = waiting.splice(taken.remove % waiting.length, 1);
            versions.remove(version!);
          }
          const expected = new Array<number>(FURTHEST_BEHIND + 1).fill(0);
          for (const version of waiting) {
            expected[Math.min(Math.max(0, current - version), FURTHEST_BEHIND)]! += 1;
          }
          while (expected.at(-1) === 0) expected.pop();
          expect(versions.histogram()).toEqual(expected);
        }
      }),
    );
  });
});

describe('the throughput of a run', () => {
  test('is of the last minute, and of less in a run that is younger', async () => {
    const { broker, clock, take, ack } = await openFixture({ batchSize: inPairs });
    await broker.submit(group('a', [1, 2]));
    await broker.submit(group('b', [3]));
    clock.advance(2_500);
    await ack(await take());
    expect((await broker.status('run')).throughput).toEqual({
      windowMs: 2_500,
      acceptedGroups: 2,
      acceptedRows: 3,
      acceptedTokens: 6,
      trainedGroups: 2,
      trainedRows: 3,
      trainedTokens: 6,
    });
    clock.advance(58_000);
    expect((await broker.status('run')).throughput).toMatchObject({
      ...{ acceptedGroups: 0, trainedGroups: 2 },
    });
    clock.advance(3_000);
    const { windowMs, ...counts } = (await broker.status('run')).throughput;
    expect(windowMs).toBeGreaterThan(59_000);
    expect(windowMs).toBeLessThanOrEqual(60_000);
    expect(Object.values(counts)).toEqual([0, 0, 0, 0, 0, 0]);
  });
});

describe('who is leased what', () => {
  test('batches: the step, the consumer, the ranks that acked and the time left', async () => {
    const { broker, clock, take, ack } = await openFixture(
      { batchSize: inPairs },
      { worldSize: 12 },
    );
    await broker.submit(group('a'));
    await broker.submit(group('b'));
    const batch = await take();
    clock.advance(1_000);
    await ack(batch, 'trainer', 1);
    clock.advance(4_000);
    const held = {
      step: 1,
      consumerId: 'trainer',
      mode: 'compete',
      delivery: 1,
      worldSize: 12,
      ackedRanks: 1,
      missingRanks: [0, 2, 3, 4, 5, 6, 7, 8],
    };
    expect((await broker.status('run')).heldBatches).toEqual({
      first: [{ ...held, leftMs: 1_000 }],
      more: 0,
    });
    clock.advance(1_500);
    expect((await broker.status('run')).heldBatches.first).toEqual([{ ...held, leftMs: 0 }]);
  });

  test('assignments: the worker, how many, and how long it has the oldest, extended or not', async () => {
    const { broker, clock } = await openFixture();
    const lease = (workerId: string, max: number) =>
      broker.lease({ workerId, environments: ['env'], max, waitMs: 0, signal: never });
    await broker.enqueue(['a', 'b', 'c', 'd'].map((id) => assignment(id)));
    await lease('one', 2);
    clock.advance(600);
    await lease('two', 1);
    await broker.extend('one', named('a', 'b'));
    clock.advance(600);
    const workers = async () => (await broker.status('run')).workers;
    expect(await workers()).toEqual({
      first: [
        { workerId: 'one', assignments: 2, oldestMs: 1_200 },
        { workerId: 'two', assignments: 1, oldestMs: 600 },
      ],
      more: 0,
    });
    await broker.submit(group('a'));
    clock.advance(500);
    // The lease of `two` is over, and that of `one` is too.
    expect(await workers()).toEqual({ first: [], more: 0 });
  });

  test('assignments given up are dead letters', async () => {
    const { broker } = await openFixture({}, { maxAssignmentAttempts: 1 });
    await broker.enqueue(['a', 'b'].map((id) => assignment(id)));
    await broker.lease({
      ...{ workerId: 'w', environments: ['env'], max: 2, waitMs: 0, signal: never },
    });
    const fail = (assignmentId: string, permanent: boolean) =>
      broker.failAssignment({ runId: 'run', workerId: 'w', assignmentId, reason: 'no', permanent });
    await fail('a', true);
    await fail('b', false);
    expect(await broker.status('run')).toMatchObject({
      deadLetters: 2,
      droppedGroups: { assignment_failed: 1, attempts_exhausted: 1 },
    });
  });
});
