import { describe, expect, test } from 'vitest';
import { admit } from '../../src/broker/admission.ts';
import { never, openFixture } from './support/fixture.ts';
import { group } from './support/groups.ts';

const roomy = {
  waitingGroups: 0,
  waitingBytes: 0,
  maxWaitingGroups: 10,
  maxWaitingBytes: 1_000,
  batchTarget: 4,
  isAwaited: false,
};

describe('whether one more group may wait', () => {
  test.each([
    { name: 'room', state: {}, cuttable: true, kind: 'admitted' },
    {
      name: 'last place',
      state: { waitingGroups: 9 },
      cuttable: true,
      kind: 'admitted',
    },
    { name: 'full', state: { waitingGroups: 10 }, cuttable: true, kind: 'groups' },
    {
      name: 'full, but no batch in it',
      state: { waitingGroups: 10 },
      cuttable: false,
      kind: 'admitted',
    },
    {
      name: 'full, but a batch waits for it',
      state: { waitingGroups: 10, isAwaited: true },
      cuttable: true,
      kind: 'admitted',
    },
    {
      name: 'a batch past full',
      state: { waitingGroups: 14 },
      cuttable: false,
      kind: 'uncuttable',
    },
    {
      name: 'no bytes left',
      state: { waitingBytes: 1_000 },
      cuttable: true,
      kind: 'bytes',
    },
    {
      name: 'no bytes left, no batch',
      state: { waitingBytes: 1_000 },
      cuttable: false,
      kind: 'uncuttable',
    },
  ])('$name: $kind', ({ state, cuttable, kind }) => {
    const weighed = { ...roomy, ...state, canCut: () => cuttable };
    const admission = admit(weighed, 1);
    expect(admission.kind === 'held' ? admission.by : admission.kind).toBe(kind);
  });
});

describe('a full run', () => {
  test('refuses with the pause to make, takes a repeat, and takes more after a cut', async () => {
    const { broker, take } = await openFixture({ maxWaitingGroups: 2 }, { retryAfterMs: 77 });
    await broker.submit(group('a', 2));
    await broker.submit(group('b', 2));
    expect(await broker.credits('run')).toBe(0);
    await expect(broker.submit(group('c', 2))).rejects.toMatchObject({
      kind: 'resource_exhausted',
      reason: 'QUEUE_FULL',
      retryAfterMs: 77,
    });
    expect(await broker.submit(group('a', 2))).toEqual({ kind: 'duplicate', position: 1 });
    const room = broker.waitForRoom('run', never);
    await take();
    await room;
    expect(await broker.credits('run')).toBe(2);
    expect((await broker.submit(group('c', 2))).kind).toBe('stored');
  });

  test('by bytes refuses too, and a group that can never fit is refused for good', async () => {
    const { broker } = await openFixture({}, { limits: { maxWaitingBytes: 10 } });
    await broker.submit(group('12345678', 4));
    await expect(broker.submit(group('1234', 4))).rejects.toMatchObject({
      kind: 'resource_exhausted',
      metadata: { limit: 'bytes' },
    });
    await expect(broker.submit(group('12345678901', 4))).rejects.toMatchObject({
      kind: 'failed_precondition',
      reason: 'GROUP_TOO_LARGE',
    });
  });

  test('whose groups fill no batch lets in one batch more, so that it can be cut again', async () => {
    const { broker, take } = await openFixture({ maxWaitingGroups: 2 });
    for (const id of ['a', 'b']) await broker.submit(group(id, 3));
    await broker.submit(group('c', 1));
    await expect(broker.submit(group('d', 1))).rejects.toMatchObject({ reason: 'QUEUE_FULL' });
    expect((await take()).groups.map(({ id }) => id)).toEqual(['a', 'c']);
  });

  test('that a new policy version leaves without a batch lets in another to make one', async () => {
    const { broker, take } = await openFixture({ maxWaitingGroups: 2, maxStaleness: 0 });
    for (const id of ['a', 'b']) await broker.submit(group(id, 3, { oldestPolicyVersion: 1 }));
    await broker.submit(group('old', 1));
    await expect(broker.submit(group('c', 1))).rejects.toMatchObject({ reason: 'QUEUE_FULL' });
    await broker.publishPolicyVersion('run', 1);
    await broker.submit(group('c', 1, { oldestPolicyVersion: 1 }));
    expect((await take()).groups.map(({ id }) => id)).toEqual(['a', 'c']);
  });

  test('whose groups never can fill a batch says what would help', async () => {
    const { broker } = await openFixture({ maxWaitingGroups: 2 });
    for (const id of ['a', 'b', 'c', 'd', 'e', 'f']) await broker.submit(group(id, 3));
    const refused = broker.submit(group('g', 3));
    await expect(refused).rejects.toMatchObject({ reason: 'QUEUE_UNCUTTABLE' });
    await expect(refused).rejects.toThrow(/no set of the waiting groups fills a batch/);
  });

  test('stops being waited for when the signal fires, and when the run closes', async () => {
    const { broker, clock } = await openFixture({ maxWaitingGroups: 1 });
    await broker.submit(group('a', 4));
    const stop = new AbortController();
    const stopped = broker.waitForRoom('run', stop.signal);
    stop.abort();
    await stopped;
    const closed = broker.waitForRoom('run', never);
    await broker.closeRun('run');
    await closed;
    expect(clock.timers).toBe(0);
  });
});

describe('a group is refused', () => {
  test('of an environment that the run does not name', async () => {
    const { broker } = await openFixture({ environments: ['maths'] });
    await expect(broker.submit(group('a'))).rejects.toMatchObject({
      kind: 'failed_precondition',
      reason: 'ENVIRONMENT_NOT_IN_RUN',
    });
    await broker.submit(group('a', 1, { environment: 'maths' }));
  });

  test('of a closed run, unless it came before', async () => {
    const { broker } = await openFixture();
    await broker.submit(group('a'));
    await broker.closeRun('run');
    await expect(broker.submit(group('b'))).rejects.toMatchObject({ reason: 'RUN_CLOSED' });
    expect((await broker.submit(group('a'))).kind).toBe('duplicate');
  });

  test('of an unknown run', async () => {
    const { broker } = await openFixture();
    await expect(broker.submit(group('a', 1, { runId: 'other' }))).rejects.toMatchObject({
      kind: 'not_found',
      reason: 'RUN_NOT_FOUND',
    });
  });
});
