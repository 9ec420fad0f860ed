import { describe, expect, test, vi } from 'vitest';
import type { AssignmentEvent, LeasedAssignment } from '../../src/broker/index.ts';
import { openDurableBroker } from '../../src/broker/index.ts';
import { encodeRecord } from '../../src/broker/journal/record-codec.ts';
import { never, openFixture } from './support/fixture.ts';
import { assignment, group, named, settings } from './support/groups.ts';
import { ManualClock } from './support/manual-clock.ts';
import { MapStore } from './support/map-store.ts';

const range = (count: number) => Array.from({ length: count }, (_, index) => index);

async function withAssignments(
  ids: readonly string[],
  options: Parameters<typeof openFixture>[1] = {},
) {
  const fixture = await openFixture({}, options);
  await fixture.broker.enqueue(ids.map((id) => assignment(id)));
  const lease = async (workerId = 'w', max = 1, environments: readonly string[] = ['env']) => {
    const request = { workerId, environments, max, waitMs: 0, signal: never };
    const leases = await fixture.broker.lease(request);
    return leases.map(({ assignment: { id }, attempt }) => `${id}#${attempt}`);
  };
  return { ...fixture, lease };
}

describe('enqueue', () => {
  test('takes the ids of another run, and what becomes of the one is nothing to the other', async () => {
    const { broker, lease } = await withAssignments(['a']);
    await broker.openRun('other', settings(), 0);
    const theirs = { runId: 'other', assignmentId: 'a' };
    expect(await broker.enqueue([assignment('a', { runId: 'other' }), assignment('a')])).toEqual([
      theirs,
    ]);
    expect(await lease('w', 9)).toEqual(['a#1', 'a#1']);
    expect(await broker.extend('w', [theirs, ...named('a')])).toEqual([]);
    await broker.submit(group('a', 1, { runId: 'other' }));
    expect(await broker.extend('w', [theirs, ...named('a')])).toEqual([theirs]);
    expect((await broker.status('run')).openAssignments).toBe(1);
    const failure = { workerId: 'w', reason: 'no', permanent: true };
    await broker.failAssignment({ ...failure, runId: 'run', assignmentId: 'a' });
    expect(await broker.deadLetters('run')).toMatchObject([{ assignmentId: 'a' }]);
    expect(await broker.deadLetters('other')).toEqual([]);
  });

  test('adds each id once: not while it is open, nor after its group came', async () => {
    const { broker, lease } = await withAssignments(['a', 'b']);
    expect(await broker.enqueue([assignment('b'), assignment('c'), assignment('c')])).toEqual(
      named('c'),
    );
    await broker.submit(group('a'));
    expect(await broker.enqueue([assignment('a')])).toEqual([]);
    expect(await lease('w', 9)).toEqual(['b#1', 'c#1']);
  });

  test('takes all or none, up to the limit', async () => {
    const { broker } = await withAssignments(['a'], { limits: { maxOpenAssignments: 2 } });
    await expect(broker.enqueue([assignment('b'), assignment('c')])).rejects.toMatchObject({
      kind: 'resource_exhausted',
    });
    expect((await broker.status('run')).openAssignments).toBe(1);
    expect(await broker.enqueue([assignment('a'), assignment('b')])).toEqual(named('b'));
  });
});

describe('lease', () => {
  test('gives the highest priority first, then in order, and only known environments', async () => {
    const { broker, lease } = await withAssignments(['a', 'b']);
    await broker.enqueue([
      assignment('urgent', { priority: 5 }),
      assignment('later', { priority: -1 }),
      assignment('other', { environment: 'maths' }),
    ]);
    expect(await lease('w', 9)).toEqual(['urgent#1', 'a#1', 'b#1', 'later#1']);
    expect(await lease('w', 9)).toEqual([]);
    expect(await lease('w', 9, ['maths', 'env'])).toEqual(['other#1']);
  });

  test('takes turns over the environments', async () => {
    const { broker, lease } = await withAssignments(['a', 'b', 'c']);
    await broker.enqueue([assignment('x', { environment: 'maths' })]);
    expect(await lease('w', 3, ['env', 'maths'])).toEqual(['a#1', 'x#1', 'b#1']);
  });

  test('takes turns also over those who lease one at a time', async () => {
    const { broker, lease } = await withAssignments(['a', 'b', 'c']);
    await broker.enqueue(['x', 'y'].map((id) => assignment(id, { environment: 'maths' })));
    const leased: string[] = [];
    for (const worker of ['w', 'v', 'w', 'v', 'w']) {
      leased.push(...(await lease(worker, 1, ['env', 'maths'])));
    }
    expect(leased).toEqual(['a#1', 'x#1', 'b#1', 'y#1', 'c#1']);
  });

  test('waits for the first, and is woken by it', async () => {
    const { broker, clock } = await withAssignments([]);
    const request = { workerId: 'w', environments: ['env'], max: 2, waitMs: 9_000, signal: never };
    const waiting = broker.lease(request);
    expect(clock.timers).toBe(1);
    await broker.enqueue([assignment('a')]);
    expect(await waiting).toMatchObject([{ attempt: 1, leaseMs: 1_000, assignment: { id: 'a' } }]);
    expect(clock.timers).toBe(0);
    const inVain = broker.lease(request);
    // The other lease ends meanwhile: it goes to whoever waits.
    clock.advance(1_000);
    expect(await inVain).toMatchObject([{ attempt: 2 }]);
  });

  test('gives each of those who wait what the others leave', async () => {
    const { broker } = await withAssignments([]);
    const request = { environments: ['env'], max: 2, waitMs: 9_000, signal: never };
    const all = Promise.all(['w1', 'w2'].map((workerId) => broker.lease({ ...request, workerId })));
    await broker.enqueue(['a', 'b', 'c'].map((id) => assignment(id)));
    expect((await all).map((leases) => leases.map((lease) => lease.assignment.id))).toEqual([
      ['a', 'b'],
      ['c'],
    ]);
  });

  test('returns none when time is up or the signal fires', async () => {
    const { broker, clock } = await withAssignments([]);
    const stop = new AbortController();
    const request = { workerId: 'w', environments: ['env'], max: 1, waitMs: 500 };
    const late = broker.lease({ ...request, signal: never });
    const stopped = broker.lease({ ...request, signal: stop.signal });
    stop.abort();
    expect(await stopped).toEqual([]);
    clock.advance(500);
    expect(await late).toEqual([]);
    expect(clock.timers).toBe(0);
  });
});

describe('a lease', () => {
  test('that runs out gives the assignment back, at the front, as the next attempt', async () => {
    const { broker, clock, lease } = await withAssignments(['a', 'b', 'c']);
    expect(await lease()).toEqual(['a#1']);
    clock.advance(999);
    expect(await broker.extend('w', named('a'))).toEqual([]);
    clock.advance(999);
    expect(await lease('w2')).toEqual(['b#1']);
    clock.advance(1);
    expect(await lease('w2', 9)).toEqual(['a#2', 'c#1']);
    expect(await broker.extend('w', named('a', 'unknown'))).toEqual(named('a', 'unknown'));
    expect(await broker.extend('w2', named('a', 'b'))).toEqual([]);
  });

  test('ends with the group, whoever brings it', async () => {
    const { broker, clock, lease } = await withAssignments(['a']);
    await lease('slow');
    clock.advance(1_000);
    await lease('quick');
    expect((await broker.submit(group('a'))).kind).toBe('stored');
    expect(await broker.extend('quick', named('a'))).toEqual(named('a'));
    expect((await broker.submit(group('a', 2))).kind).toBe('duplicate');
    expect(await broker.status('run')).toMatchObject({ openAssignments: 0, acceptedGroups: 1 });
    expect(await lease()).toEqual([]);
  });
});

describe('a failed assignment', () => {
  const fail = (workerId: string, permanent: boolean) => ({
    workerId,
    runId: 'run',
    assignmentId: 'a',
    reason: 'sandbox lost',
    permanent,
  });

  test('is tried again until its attempts are used up, then counted', async () => {
    const { broker, lease, clock } = await withAssignments(['a'], { maxAssignmentAttempts: 3 });
    expect(await lease()).toEqual(['a#1']);
    await broker.failAssignment(fail('someone else', true));
    await broker.failAssignment(fail('w', false));
    expect(await lease()).toEqual(['a#2']);
    clock.advance(1_000);
    expect(await lease()).toEqual(['a#3']);
    clock.advance(1_000);
    expect(await broker.status('run')).toMatchObject({
      openAssignments: 0,
      droppedGroups: { attempts_exhausted: 1 },
    });
    expect(await broker.enqueue([assignment('a')])).toEqual([]);
  });

  test('for good is not tried again, and saying so twice is once', async () => {
    const { broker, lease } = await withAssignments(['a']);
    await lease();
    await broker.failAssignment(fail('w', true));
    await broker.failAssignment(fail('w', true));
    expect((await broker.status('run')).droppedGroups).toEqual({ assignment_failed: 1 });
    expect(await lease()).toEqual([]);
  });

  test('that was played, and dropped by a policy of its run, is counted by that', async () => {
    const ids = ['rollout_failed', 'nothing_scored', 'nothing_to_train', 'over_length', 'stale'];
    const { broker, lease } = await withAssignments(ids);
    await lease('w', 9);
    for (const id of ids) {
      await broker.failAssignment({ ...fail('w', true), assignmentId: id, reason: id });
    }
    // What only the broker can know is no reason of a worker's to give.
    expect((await broker.status('run')).droppedGroups).toEqual({
      ...{ rollout_failed: 1, nothing_scored: 1, nothing_to_train: 1, over_length: 1 },
      assignment_failed: 1,
    });
  });
});

describe('a lease request that is made again', () => {
  const request = { workerId: 'w', environments: ['env'], max: 2, waitMs: 0, signal: never };
  const first = { ...request, requestId: 'first' };
  const said = (leases: readonly LeasedAssignment[]) =>
    leases.map(({ assignment: { id }, attempt, leaseMs }) => `${id}#${attempt} ${leaseMs}`);

  test('gets the same assignments, with what is left of their leases', async () => {
    const { broker, clock } = await withAssignments(['a', 'b', 'c']);
    expect(said(await broker.lease(first))).toEqual(['a#1 1000', 'b#1 1000']);
    clock.advance(400);
    expect(said(await broker.lease(first))).toEqual(['a#1 600', 'b#1 600']);
    // Another worker's request of that name, and another request, are others.
    expect(said(await broker.lease({ ...first, workerId: 'v' }))).toEqual(['c#1 1000']);
    expect(said(await broker.lease({ ...request, requestId: 'second' }))).toEqual([]);
    clock.advance(600);
    // Their leases are over.
    expect(said(await broker.lease(first))).toEqual(['b#2 1000', 'a#2 1000']);
  });

  test('gets what the first one leased while both waited', async () => {
    const { broker } = await withAssignments([]);
    const both = [1, 2].map(() => broker.lease({ ...first, max: 1, waitMs: 9_000 }));
    await broker.enqueue(['a', 'b'].map((id) => assignment(id)));
    expect((await Promise.all(both)).map(said)).toEqual([['a#1 1000'], ['a#1 1000']]);
  });

  test('is a new one once its worker has spoken of each of them', async () => {
    const { broker } = await withAssignments(['a', 'b', 'c', 'd', 'e']);
    await broker.lease(first);
    await broker.extend('w', named('a'));
    expect(said(await broker.lease(first))).toEqual(['b#1 1000']);
    await broker.submit(group('b'));
    expect(said(await broker.lease(first))).toEqual(['c#1 1000', 'd#1 1000']);
    const failure = { workerId: 'w', runId: 'run', reason: 'no', permanent: true };
    for (const assignmentId of ['c', 'd'])
      await broker.failAssignment({ ...failure, assignmentId });
    expect(said(await broker.lease({ ...first, max: 9 }))).toEqual(['e#1 1000']);
    await broker.closeRun('run');
    expect(await broker.lease(first)).toEqual([]);
  });

  test('gets the same also of a broker that was opened again, for a whole lease', async () => {
    const store = new MapStore();
    const options = { clock: new ManualClock(), assignmentLeaseMs: 1_000 };
    const broker = openDurableBroker({ ...options, store });
    await broker.openRun('run', settings(), 0);
    await broker.enqueue(['a', 'b'].map((id) => assignment(id)));
    await broker.lease({ ...first, max: 1 });
    options.clock.advance(400);
    await broker.close();
    const reopened = openDurableBroker({ ...options, store });
    expect(said(await reopened.lease({ ...first, max: 1 }))).toEqual(['a#1 1000']);
    await reopened.extend('w', named('a'));
    expect(said(await reopened.lease({ ...first, max: 1 }))).toEqual(['b#1 1000']);
  });
});

test('a store of before requests had ids is opened, with who holds what', async () => {
  const store = new MapStore();
  const options = { clock: new ManualClock(), assignmentLeaseMs: 1_000 };
  const broker = openDurableBroker({ ...options, store });
  for (const runId of ['run', 'other']) await broker.openRun(runId, settings(), 0);
  await broker.close();
  const { id, environment, priority, payload } = assignment('a');
  const record = { id, environment, priority, ordinal: 1, attempts: 1, workerId: 'w' };
  store.records_.set('assignment/run/a', encodeRecord(record, payload));
  const reopened = openDurableBroker({ ...options, store });
  await reopened.enqueue([assignment('a', { runId: 'other' })]);
  expect(await reopened.extend('w', named('a'))).toEqual([]);
  expect(await reopened.status('run')).toMatchObject({
    openAssignments: 1,
    workers: { first: [{ workerId: 'w', assignments: 1 }] },
  });
  expect(await reopened.status('other')).toMatchObject({ openAssignments: 1 });
});

describe('closing a run', () => {
  test('takes back its assignments', async () => {
    const { broker, lease } = await withAssignments(['a', 'b']);
    await lease();
    await broker.closeRun('run');
    expect(await lease()).toEqual([]);
    expect(await broker.extend('w', named('a'))).toEqual(named('a'));
    await expect(broker.enqueue([assignment('c')])).rejects.toMatchObject({
      reason: 'RUN_CLOSED',
    });
  });

  const MANY = 1_000;

  async function withMany(store = new MapStore()) {
    const options = { clock: new ManualClock(), assignmentLeaseMs: 1_000, limits: { maxRuns: 2 } };
    const open = () => openDurableBroker({ ...options, store });
    const broker = open();
    for (const runId of ['run', 'other']) await broker.openRun(runId, settings(), 0);
    await broker.enqueue(range(MANY).map((index) => assignment(`a${index}`)));
    await broker.enqueue([assignment('a0', { runId: 'other' })]);
    const request = { workerId: 'w', environments: ['env'], waitMs: 0, signal: never };
    await broker.lease({ ...request, max: 2 });
    const left = (runId: string) =>
      [...store.records_.keys()].filter((key) => key.startsWith(`assignment/${runId}/`)).length;
    return { ...options, store, open, broker, left };
  }

  test('with very many open ends all at once, and tells of them in slices that leave room for others', async () => {
    const { broker, clock, store, left } = await withMany();
    const told: string[] = [];
    using _following = broker.followAssignments(({ kind, assignment: { runId, id } }) => {
      if (kind === 'ended') told.push(`${runId} ${id}`);
    });
    const commits: number[] = [];
    const commit = store.commit.bind(store);
    store.commit = (change) => {
      commits.push((change.remove ?? []).length);
      commit(change);
    };
    await broker.closeRun('run');
    expect(told.length).toBeLessThan(MANY / 2);
    expect(await broker.status('run')).toMatchObject({
      run: { closed: true },
      ...{ openAssignments: 0, openByEnvironment: {}, workers: { first: [] } },
    });
    expect(await broker.extend('w', named('a0', 'a999'))).toEqual(named('a0', 'a999'));
    // A lease of it that runs out is given back to nobody.
    clock.advance(1_000);
    const request = { workerId: 'w', environments: ['env'], max: 9, waitMs: 0, signal: never };
    expect((await broker.lease(request)).map(({ assignment: { runId } }) => runId)).toEqual([
      'other',
    ]);
    // It is not forgotten for another meanwhile, whose assignments may have the same ids.
    await expect(broker.openRun('third', settings(), 0)).rejects.toMatchObject({
      kind: 'resource_exhausted',
    });
    await vi.waitFor(() => expect(told).toHaveLength(MANY));
    await vi.waitFor(() => expect(left('run')).toBe(0));
    expect(new Set(told).size).toBe(MANY);
    expect(Math.max(...commits)).toBeLessThan(MANY / 2);
    expect(left('other')).toBe(1);
    await broker.openRun('third', settings(), 0);
  });

  test('that a crash cut short is closed all the same, and what is left goes when it is opened again', async () => {
    const { broker, store, open, left } = await withMany();
    await broker.closeRun('run');
    await broker.close();
    expect(left('run')).toBeGreaterThan(MANY / 2);
    const reopened = open();
    const found: string[] = [];
    reopened.followAssignments(({ assignment: { runId } }) => found.push(runId))[Symbol.dispose]();
    expect(found).toEqual(['other']);
    expect(await reopened.status('run')).toMatchObject({ openAssignments: 0 });
    await vi.waitFor(() => expect(left('run')).toBe(0));
    expect(left('other')).toBe(1);
    expect(store.records_.has('run/run')).toBe(true);
  });
});

describe('a run that takes no more', () => {
  const two = { maxWaitingGroups: 2, batchSize: { kind: 'groups', groups: 1 } } as const;

  async function withTwoRuns() {
    const fixture = await openFixture(two);
    const { broker } = fixture;
    await broker.openRun('other', settings(two), 0);
    await broker.enqueue(['a', 'b', 'c', 'd'].map((id) => assignment(id)));
    await broker.enqueue([assignment('x', { runId: 'other' })]);
    const request = { environments: ['env'], max: 9, waitMs: 0, signal: never };
    const lease = async (workerId = 'w', waitMs = 0) =>
      (await broker.lease({ ...request, workerId, waitMs })).map((one) => one.assignment.id);
    return { ...fixture, lease };
  }

  test('has no more leased than it has room for, and does not keep other runs from theirs', async () => {
    const { broker, lease, take } = await withTwoRuns();
    expect(await lease()).toEqual(['a', 'b', 'x']);
    await broker.submit(group('a'));
    expect(await lease()).toEqual([]);
    const waiting = lease('w2', 9_000);
    await take();
    expect(await waiting).toEqual(['c']);
  });

  test('whose batch is larger than its queue has as many under way as are missing to it', async () => {
    const { broker } = await openFixture({
      ...{ maxWaitingGroups: 2, batchSize: { kind: 'rows', rows: 12 } },
    });
    await broker.enqueue(range(20).map((index) => assignment(`a${index}`)));
    const request = { workerId: 'w', environments: ['env'], max: 99, waitMs: 0, signal: never };
    const leases = async () => (await broker.lease(request)).length;
    expect(await leases()).toBe(2);
    await broker.submit(group('a0', 2));
    await broker.submit(group('a1', 2));
    // 8 rows are missing, and a group has 2.
    expect(await leases()).toBe(4);
    for (const index of range(4)) await broker.submit(group(`a${index + 2}`, 2));
    expect(await leases()).toBe(0);
  });

  test('is leased again when an assignment ends without a group, or its group leaves at once', async () => {
    const { broker, lease } = await withTwoRuns();
    expect(await lease()).toEqual(['a', 'b', 'x']);
    const waiting = lease('w2', 9_000);
    const failure = {
      workerId: 'w',
      runId: 'run',
      assignmentId: 'a',
      reason: 'no',
      permanent: true,
    };
    await broker.failAssignment(failure);
    expect(await waiting).toEqual(['c']);
    await broker.openRun('alike', settings({ ...two, dropUniformGroups: true }), 0);
    await broker.enqueue(['k', 'l', 'm'].map((id) => assignment(id, { runId: 'alike' })));
    expect(await lease()).toEqual(['k', 'l']);
    const next = lease('w2', 9_000);
    await broker.submit(group('k', 2, { runId: 'alike' }));
    expect(await next).toEqual(['m']);
  });
});

describe('who follows assignments', () => {
  const told = (events: AssignmentEvent[]) =>
    events.map((event) =>
      event.kind === 'ended'
        ? `${event.assignment.id} ${event.how}`
        : `${event.assignment.id} ${event.kind} #${event.attempt}`,
    );

  test('is told of what is open, and of whatever becomes of it, on time and without anyone asking', async () => {
    const { broker, clock, lease } = await withAssignments(['a', 'b', 'c'], {
      maxAssignmentAttempts: 2,
    });
    await lease();
    const events: AssignmentEvent[] = [];
    const following = broker.followAssignments((event) => events.push(event));
    expect(told(events)).toEqual(['a leased #1', 'b queued #1', 'c queued #1']);
    events.length = 0;
    clock.advance(1_000);
    expect(told(events)).toEqual(['a queued #2']);
    expect(events[0]).toMatchObject({ error: expect.stringContaining('lease') });
    await lease('w2', 2);
    await broker.submit(group('a'));
    clock.advance(1_000);
    await lease('w3');
    clock.advance(1_000);
    await broker.closeRun('run');
    expect(told(events).slice(1)).toEqual([
      'a leased #2',
      'b leased #1',
      'a stored',
      'b queued #2',
      'b leased #2',
      'b attempts_exhausted',
      'c run_closed',
    ]);
    following[Symbol.dispose]();
    expect(clock.timers).toBe(0);
  });
});

describe('dead letters', () => {
  test('tell what was given up, how and by whom, also after a restart; a group that came after all takes its own back', async () => {
    const store = new MapStore();
    const options = {
      clock: new ManualClock(),
      assignmentLeaseMs: 1_000,
      maxAssignmentAttempts: 2,
    };
    const broker = openDurableBroker({ ...options, store: store.reopened() });
    await broker.openRun('run', settings(), 0);
    await broker.enqueue(['a', 'b'].map((id) => assignment(id)));
    const lease = (workerId: string) =>
      broker.lease({ workerId, environments: ['env'], max: 1, waitMs: 0, signal: never });
    await lease('w1');
    const failure = { workerId: 'w1', runId: 'run', assignmentId: 'a', permanent: true };
    await broker.failAssignment({ ...failure, reason: 'no such task' });
    await lease('w2');
    options.clock.advance(1_000);
    await lease('w3');
    options.clock.advance(1_000);
    const letters = [
      {
        assignmentId: 'a',
        environment: 'env',
        reason: 'assignment_failed',
        error: 'no such task',
        workerId: 'w1',
        attempts: 1,
      },
      { assignmentId: 'b', reason: 'attempts_exhausted', workerId: 'w3', attempts: 2 },
    ];
    expect(await broker.deadLetters('run')).toMatchObject(letters);
    await broker.close();
    const reopened = openDurableBroker({ ...options, store: store.reopened() });
    expect(await reopened.deadLetters('run')).toMatchObject(letters);
    await reopened.submit(group('a'));
    expect(await reopened.deadLetters('run')).toMatchObject([letters[1]]);
    expect(await reopened.enqueue([assignment('b')])).toEqual([]);
    await reopened.close();
    const last = openDurableBroker({ ...options, store: store.reopened() });
    expect(await last.deadLetters('run')).toMatchObject([letters[1]]);
  });
});
