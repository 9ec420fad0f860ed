import { create, toBinary } from '@bufbuild/protobuf';
import { Code } from '@connectrpc/connect';
import { describe, expect, test } from 'vitest';
import { RunSettingsSchema } from '../../gen/lachesis/v1/run_service_pb.ts';
import { AssignmentSchema } from '../../gen/lachesis/v1/task_pb.ts';
import { WorkService } from '../../gen/lachesis/v1/work_service_pb.ts';
import { createMemoryBroker } from '../../src/broker/index.ts';
import { type LachesisClient, lachesisErrorOf, type MissedTurns } from '../../src/client/index.ts';
import { assignmentToProto, runSettingsFromProto } from '../../src/contract/index.ts';
import { LachesisError } from '../../src/errors.ts';
import { createRpcClient } from '../../src/transport/index.ts';
import { ManualClock } from '../broker/support/manual-clock.ts';
import { encodedGroup } from '../support/encoded-group.ts';
import { serveForTest } from '../support/serve.ts';
import { assignment } from '../worker/fake-plane.ts';

const LEASE_MS = 1_000;

/** A server that plays nothing itself and hosts `sums` alone; its leases run out when the test says so. */
async function serveWorkers(options: { readonly maxAttempts?: number } = {}) {
  const clock = new ManualClock();
  const broker = createMemoryBroker({
    clock,
    assignmentLeaseMs: LEASE_MS,
    maxAssignmentAttempts: options.maxAttempts ?? 3,
  });
  const served = await serveForTest({ worker: false, broker });
  const { client } = served;
  await client.runs.open('run', { batchSize: { kind: 'groups', groups: 100 } });
  const order = (id: string, more: Parameters<typeof assignment>[1] = {}) =>
    assignment(id, { environment: 'sums', task: { kind: 'key', key: 'sum-2' }, ...more });
  const register = (workerId: string, environments = ['sums']) =>
    client.work.register({ workerId, environments, capacity: 8 });
  const lease = async (workerId: string, max = 1) =>
    (await client.work.lease(workerId, { max })).map(
      (one) => `${one.assignment.id}#${one.attempt}`,
    );
  const submit = async (group: Awaited<ReturnType<typeof encodedGroup>>, workerId = '') => {
    await using stream = client.work.submitGroups('run', { workerId });
    return await stream.submit(group);
  };
  return {
    ...{ ...served, client, clock, broker, order, register, lease, submit },
    [Symbol.asyncDispose]: async () => {
      await served[Symbol.asyncDispose]();
      await broker.close();
    },
  };
}

/** What watchers were told of a group, in order: `g.0 started`, `g.0 finished cancelled`. */
async function toldOf(client: LachesisClient, groupId: string): Promise<readonly string[]> {
  const told: string[] = [];
  const watching = client.environments.watch({ groupIds: [groupId], untilFinished: true });
  for await (const { rolloutId, event } of watching) {
    if (event.case === 'started') told.push(`${rolloutId} started`);
    if (event.case !== 'finished') continue;
    const { reward, notScored } = event.value;
    const how = reward === undefined ? notScored?.error?.reason : 'scored';
    told.push(`${rolloutId} ${how}`);
  }
  return told;
}

describe('two runs with the same ids', () => {
  async function withTwoRuns() {
    const served = await serveWorkers();
    const { client, order, register } = served;
    await client.runs.open('other', { batchSize: { kind: 'groups', groups: 100 } });
    await register('w');
    await client.work.enqueue([order('g'), order('g', { runId: 'other' })]);
    const leases = await client.work.lease('w', { max: 2 });
    return { ...served, leases };
  }
  const ours = { runId: 'run', assignmentId: 'g' };
  const theirs = { runId: 'other', assignmentId: 'g' };

  test('are played side by side, and each is spoken of with its run', async () => {
    await using served = await withTwoRuns();
    const { client, leases, submit, order } = served;
    expect(leases.map(({ assignment: { id, runId } }) => [id, runId])).toEqual([
      ['g', 'run'],
      ['g', 'other'],
    ]);
    expect(await client.work.extend('w', [ours, theirs])).toEqual([]);
    const error = new LachesisError('internal', 'no', { reason: 'NO' });
    await client.work.fail('w', theirs, { error, permanent: true });
    expect(await client.work.heartbeat('w', [ours, theirs])).toMatchObject({ cancelled: [theirs] });
    await submit(await encodedGroup({ id: 'g', runId: 'run' }));
    expect(await client.work.extend('w', [ours])).toEqual([ours]);
    expect(await client.runs.status('run')).toMatchObject({ acceptedGroups: 1 });
    expect(await client.runs.deadLetters('other')).toMatchObject([{ assignmentId: 'g' }]);
    const added = await createRpcClient(WorkService, client.transport).enqueueAssignments({
      assignments: ['run', 'other'].map((runId) => assignmentToProto(order('h', { runId }))),
    });
    expect([added.addedIds, added.addedRunIds]).toEqual([
      ['h', 'h'],
      ['run', 'other'],
    ]);
  });

  test('without its run one is the only one that the worker holds, or else ambiguous', async () => {
    await using served = await withTwoRuns();
    const { client, register } = served;
    const ambiguous = { reason: 'ASSIGNMENT_AMBIGUOUS', field: 'assignment_run_ids[0]' };
    const error = new LachesisError('internal', 'no', { reason: 'NO' });
    const beat = client.work.heartbeat('w', ['g']).catch(lachesisErrorOf);
    expect(await beat).toMatchObject(ambiguous);
    expect(await client.work.extend('w', ['g']).catch(lachesisErrorOf)).toMatchObject(ambiguous);
    const failed = client.work.fail('w', 'g', { error }).catch(lachesisErrorOf);
    expect(await failed).toMatchObject({ ...ambiguous, field: 'run_id' });
    await client.work.fail('w', theirs, { error });
    expect(await client.work.extend('w', ['g'])).toEqual([]);
    await register('v');
    expect(await client.work.lease('v')).toMatchObject([{ run: { id: 'other' } }]);
    await client.work.fail('v', 'g', { error, permanent: true });
    expect(await client.runs.deadLetters('other')).toMatchObject([{ workerId: 'v' }]);
    expect(await client.work.extend('v', ['g'])).toEqual([{ runId: '', assignmentId: 'g' }]);
  });

  test('have rollouts apart: watched, found and cancelled by their run', async () => {
    await using served = await withTwoRuns();
    const { client, submit } = served;
    await client.environments.cancel({ rolloutIds: ['g.0'], runId: 'other' });
    const heard = await client.work.heartbeat('w', [ours, theirs]);
    expect(heard.cancelledRollouts).toEqual([{ runId: 'other', rolloutId: 'g.0' }]);
    const watch = (runId: string) =>
      Array.fromAsync(
        client.environments.watch({ groupIds: ['g'], runId, untilFinished: true }),
        (event) => `${event.runId} ${event.rolloutId} ${event.event.case}`,
      );
    await submit(await encodedGroup({ id: 'g', runId: 'run' }));
    const ends = (await watch('run')).filter((line) => line.endsWith('finished'));
    expect(ends).toEqual(['run g.0 finished', 'run g.1 finished']);
    await expect(watch('')).rejects.toMatchObject({ code: Code.InvalidArgument });
    const found = client.environments.rollout('g.0').catch(lachesisErrorOf);
    expect(await found).toMatchObject({ reason: 'ROLLOUT_AMBIGUOUS', field: 'run_id' });
    const kinds = ['run', 'other'].map(async (runId) => {
      return (await client.environments.rollout('g.0', { runId })).kind;
    });
    expect(await Promise.all(kinds)).toEqual(['finished', 'running']);
    await client.runs.close('other');
    expect((await watch('other')).at(-1)).toMatch(/^other g\.[01] finished$/);
  });

  test('are told of by their run, turns that were missed as well', async () => {
    await using served = await withTwoRuns();
    const { client } = served;
    const error = new LachesisError('internal', 'no', { reason: 'NO' });
    const tell = (runId: string, index: number, turns = 0) =>
      client.work.reportEvents('w', {
        events: [turnOf('g.0', index, 1, runId)],
        missedTurns: [{ runId, rolloutId: 'g.0', turns }],
      });
    expect(await tell('other', 3, 2)).toBe(1);
    expect([await tell('run', 1), await tell('run', 1)]).toEqual([1, 0]);
    await client.work.fail('w', theirs, { error, permanent: true });
    // Of that run's the worker holds none any more.
    expect([await tell('other', 4), await tell('run', 2)]).toEqual([0, 1]);
    await client.runs.close('run');
    expect(await eventsOf(client, 'g', 'other')).toEqual([
      ...['g.0#1 started', 'g.0#1 turn 3 of 1, 2 missed', 'g.0#1 finished, 2 missed'],
    ]);
    expect(await eventsOf(client, 'g', 'run')).toEqual([
      ...['g.0#1 started', 'g.0#1 turn 1 of 1', 'g.0#1 turn 2 of 1', 'g.0#1 finished'],
    ]);
  });

  test('all go back when their worker is started anew', async () => {
    await using served = await withTwoRuns();
    const { work } = served.client;
    await work.register({ workerId: 'w', environments: ['sums'], capacity: 8, session: 'next' });
    const again = await work.lease('w', { session: 'next', max: 2 });
    expect(again.map(({ run: { id }, attempt }) => `${id}#${attempt}`).sort()).toEqual([
      ...['other#2', 'run#2'],
    ]);
    const gone = work.extend('w', [ours, theirs], { session: 'before' }).catch(lachesisErrorOf);
    expect(await gone).toMatchObject({ reason: 'WORKER_REPLACED' });
    expect(await work.extend('w', [ours, theirs], { session: 'next' })).toEqual([]);
  });
});

describe('a lease request with an id', () => {
  test('that is made again gets the same assignments, and is new once the worker spoke of them', async () => {
    await using served = await serveWorkers();
    const { client, clock, order, register } = served;
    await register('w');
    await client.work.enqueue(['a', 'b', 'c', 'd'].map((id) => order(id)));
    const lease = async () =>
      (await client.work.lease('w', { max: 2, requestId: 'one' })).map(
        ({ assignment, attempt, leaseMs }) => `${assignment.id}#${attempt} ${leaseMs}`,
      );
    expect(await lease()).toEqual(['a#1 1000', 'b#1 1000']);
    clock.advance(300);
    expect(await lease()).toEqual(['a#1 700', 'b#1 700']);
    await client.work.heartbeat('w', ['a', 'b']);
    expect(await lease()).toEqual(['c#1 1000', 'd#1 1000']);
    const illegal = client.work.lease('w', { requestId: 'not an id' }).catch(lachesisErrorOf);
    expect(await illegal).toMatchObject({ field: 'request_id' });
  });
});

test('closing a run with many groups waiting ends each of their rollouts, once, in a while', async () => {
  await using served = await serveWorkers();
  const { client, order } = served;
  await client.work.enqueue(Array.from({ length: 1_000 }, (_, index) => order(`g${index}`)));
  await client.runs.close('run');
  const watching = client.environments.watch({ runId: 'run', untilFinished: true });
  const ended: string[] = [];
  for await (const { rolloutId, event } of watching) {
    if (event.case === 'finished') ended.push(rolloutId);
  }
  expect(new Set(ended).size).toBe(2_000);
  expect(ended).toHaveLength(2_000);
});

describe('a worker', () => {
  test('leases by priority what it announced, with its run, and gives back what it can not play', async () => {
    await using served = await serveWorkers();
    const { client, order, register, lease } = served;
    await register('w');
    await client.work.enqueue([order('a'), order('b')]);
    await client.work.enqueue([order('urgent')], { priority: 5 });
    await client.batches.publishPolicyVersion('run', 7);
    const [first] = await client.work.lease('w');
    expect(first).toMatchObject({
      assignment: order('urgent'),
      attempt: 1,
      leaseMs: LEASE_MS,
      run: { id: 'run', policyVersion: 7, settings: { trainingPolicy: 'strict' } },
    });
    expect(await lease('w', 9)).toEqual(['a#1', 'b#1']);
    const error = new LachesisError('environment_error', 'no sandbox', { reason: 'NO_SANDBOX' });
    await client.work.fail('w', 'a', { error });
    expect(await client.work.extend('w', ['a', 'b'])).toMatchObject([{ assignmentId: 'a' }]);
    expect(await lease('w', 9)).toEqual(['a#2']);
    await client.work.fail('w', 'a', { error, permanent: true });
    await client.work.fail('w', 'a', { error, permanent: true });
    expect(await client.runs.deadLetters('run')).toMatchObject([
      { assignmentId: 'a', reason: 'assignment_failed', error: 'no sandbox', attempts: 2 },
    ]);
  });

  test('that is not registered is told to register again, whatever it calls', async () => {
    await using served = await serveWorkers();
    const { work } = served.client;
    const error = new Error('x');
    const calls = [
      work.lease('w'),
      work.heartbeat('w', []),
      work.extend('w', ['a']),
      work.fail('w', 'a', { error }),
    ];
    for (const call of calls) {
      expect(await call.catch(lachesisErrorOf)).toMatchObject({
        kind: 'failed_precondition',
        reason: 'WORKER_UNKNOWN',
        field: 'worker_id',
        remedy: expect.stringContaining('register it again'),
      });
    }
  });

  test('that says what makes no sense is told the field', async () => {
    await using served = await serveWorkers();
    await served.register('w');
    const work = createRpcClient(WorkService, served.client.transport);
    const workerId = 'w';
    const table = [
      ['worker_id', work.registerWorker({ workerId: 'a b' })],
      ['worker_id', work.registerWorker({ workerId: `serve-${process.pid}` })],
      ['environments', work.registerWorker({ workerId })],
      ['environments[1]', work.registerWorker({ workerId, environments: ['sums', ''] })],
      ['capacity', work.registerWorker({ workerId, environments: ['sums'], capacity: -1 })],
      ['max_assignments', work.leaseAssignments({ workerId, maxAssignments: -1 })],
      ['wait', work.leaseAssignments({ workerId, wait: { seconds: -1n } })],
      ['assignment_id', work.failAssignment({ workerId })],
      [
        'assignment_ids',
        work.heartbeatWorker({ workerId, assignmentIds: Array(10_001).fill('a') }),
      ],
    ] as const;
    for (const [field, call] of table) {
      const refused = await call.catch(lachesisErrorOf);
      expect(refused, field).toMatchObject({ kind: 'invalid_input', field });
    }
    const stream = served.client.work.submitGroups('run', { workerId: 'a b' });
    const group = await encodedGroup({ id: 'g', runId: 'run' });
    const refused = await stream.submit(group).catch(lachesisErrorOf);
    expect(refused).toMatchObject({ kind: 'invalid_input', field: 'open.worker_id' });
  });

  test('gets no more at a time than a message holds; a task that none holds is refused', async () => {
    await using served = await serveWorkers();
    const { client, order, register, lease } = served;
    await register('w');
    const given = (id: string, bytes: number) => {
      const task = { key: 'sum-2', split: 'train', data: { text: 'x'.repeat(bytes) } };
      return order(id, { task: { kind: 'given', task } });
    };
    const refused = await client.work.enqueue([given('huge', 5_000_000)]).catch(lachesisErrorOf);
    expect(refused).toMatchObject({ field: 'assignments[0].task.data_json' });
    await client.work.enqueue(['a', 'b', 'c'].map((id) => given(id, 900_000)));
    expect(await lease('w', 9)).toEqual(['a#1', 'b#1']);
    expect(await lease('w', 9)).toEqual(['c#1']);
  });

  test('is not leased more than its capacity at a time, nor more than a run has room for', async () => {
    await using served = await serveWorkers();
    const { client, order, register, lease } = served;
    await register('w');
    await client.runs.open('small', {
      batchSize: { kind: 'groups', groups: 1 },
      maxWaitingGroups: 2,
    });
    const orders = ['a', 'b', 'c'].map((id) => order(id, { runId: 'small' }));
    await client.work.enqueue(orders);
    await client.runs.close('run');
    expect((await client.work.heartbeat('w', [])).credits).toBe(2);
    expect(await lease('w', 9)).toEqual(['a#1', 'b#1']);
    expect((await client.work.heartbeat('w', ['a', 'b'])).credits).toBe(0);
  });
});

describe('a lease that waits', () => {
  test('is woken by what is enqueued, and answers before its deadline', async () => {
    await using served = await serveWorkers();
    const { client, order, register } = served;
    await register('w');
    const waiting = client.work.lease('w', { waitMs: 20_000 });
    await client.work.enqueue([order('a')]);
    expect(await waiting).toMatchObject([{ assignment: { id: 'a' } }]);
    // The broker's clock stands still: the client's deadline alone ends it.
    const late = client.work.lease('w', { waitMs: 20_000, timeoutMs: 300 });
    const ended = await Promise.race([
      late.catch(lachesisErrorOf),
      advanceUntil(served.clock, late),
    ]);
    expect(ended).toEqual([]);
  });

  test('takes nothing for a client that went away', async () => {
    await using served = await serveWorkers();
    const { client, order, register, lease } = served;
    await register('w');
    const leave = new AbortController();
    const waiting = client.work.lease('w', { waitMs: 20_000, signal: leave.signal });
    await new Promise((resolve) => setTimeout(resolve, 50));
    leave.abort();
    await expect(waiting).rejects.toThrow();
    await new Promise((resolve) => setTimeout(resolve, 50));
    await client.work.enqueue([order('a')]);
    expect(await lease('w')).toEqual(['a#1']);
  });

  test('ends at once when the server drains', async () => {
    await using served = await serveWorkers();
    const { client, register, server } = served;
    await register('w');
    const waiting = client.work.lease('w', { waitMs: 20_000 });
    await new Promise((resolve) => setTimeout(resolve, 50));
    const draining = server.drain(3_000);
    expect(await waiting).toEqual([]);
    await draining;
  });
});

/** Lets the broker's time pass until the call has answered. */
async function advanceUntil<T>(clock: ManualClock, call: Promise<T>): Promise<T> {
  const done = call.then(() => true);
  for (;;) {
    clock.advance(50);
    const pause = new Promise<false>((resolve) => setTimeout(() => resolve(false), 10));
    if (await Promise.race([done, pause])) return await call;
  }
}

describe('watchers of what a worker elsewhere plays see one ending of each rollout', () => {
  test('when its group is stored, also by a producer', async () => {
    await using served = await serveWorkers();
    const { client, order, register, lease, submit } = served;
    await register('w');
    await client.work.enqueue([order('g'), order('h')]);
    await lease('w', 2);
    const told = [toldOf(client, 'g'), toldOf(client, 'h')];
    await submit(await encodedGroup({ id: 'g', runId: 'run' }), 'w');
    await submit(await encodedGroup({ id: 'g', runId: 'run' }), 'w');
    await submit(await encodedGroup({ id: 'h', runId: 'run' }));
    expect(await told[0]).toEqual(['g.0 started', 'g.1 started', 'g.0 scored', 'g.1 scored']);
    expect(await told[1]).toEqual(['h.0 started', 'h.1 started', 'h.0 scored', 'h.1 scored']);
    const found = await client.environments.rollout('g.1');
    expect(found).toMatchObject({ kind: 'finished', rollout: { outcome: { reward: 1 } } });
  });

  test('when its lease runs out and another plays the group again', async () => {
    await using served = await serveWorkers();
    const { client, clock, order, register, lease, submit } = served;
    await register('dies');
    await register('lives');
    await client.work.enqueue([order('g')]);
    await lease('dies');
    const told = toldOf(client, 'g');
    clock.advance(LEASE_MS);
    expect(await lease('lives')).toEqual(['g#2']);
    await submit(await encodedGroup({ id: 'g', runId: 'run', attempt: 2 }), 'lives');
    expect(await told).toEqual([
      ...['g.0 started', 'g.1 started', 'g.0 PLAYED_AGAIN', 'g.1 PLAYED_AGAIN'],
      ...['g.0@2 started', 'g.1@2 started', 'g.0@2 scored', 'g.1@2 scored'],
    ]);
  });

  test('when the worker that lost its lease finishes first: its group is stored, and the other knows', async () => {
    await using served = await serveWorkers();
    const { client, clock, order, register, lease, submit } = served;
    await register('slow');
    await register('other');
    await client.work.enqueue([order('g')]);
    await lease('slow');
    const told = toldOf(client, 'g');
    clock.advance(LEASE_MS);
    await lease('other');
    const late = await submit(await encodedGroup({ id: 'g', runId: 'run' }), 'slow');
    expect(late).toEqual({ duplicate: false });
    expect((await client.work.heartbeat('other', ['g'])).cancelled).toMatchObject([
      { assignmentId: 'g' },
    ]);
    const again = await encodedGroup({ id: 'g', runId: 'run', attempt: 2 });
    expect(await submit(again, 'other')).toEqual({ duplicate: true });
    const endings = (await told).filter((line) => !line.endsWith('started'));
    expect(endings).toEqual([
      ...['g.0 PLAYED_AGAIN', 'g.1 PLAYED_AGAIN', 'g.0@2 NOT_KEPT', 'g.1@2 NOT_KEPT'],
    ]);
    expect(await client.runs.status('run')).toMatchObject({ acceptedGroups: 1 });
  });

  test('when it is given up, by the worker or after its last attempt', async () => {
    await using served = await serveWorkers({ maxAttempts: 1 });
    const { client, clock, order, register, lease } = served;
    await register('w');
    await client.work.enqueue([order('failed'), order('expired')]);
    await lease('w', 2);
    const told = [toldOf(client, 'failed'), toldOf(client, 'expired')];
    const error = new LachesisError('model_error', 'nonsense', { reason: 'NONSENSE' });
    await client.work.fail('w', 'failed', { error, permanent: true });
    clock.advance(LEASE_MS);
    expect((await told[0])?.slice(2)).toEqual(['failed.0 NONSENSE', 'failed.1 NONSENSE']);
    const exhausted = 'ATTEMPTS_EXHAUSTED';
    expect((await told[1])?.slice(2)).toEqual([`expired.0 ${exhausted}`, `expired.1 ${exhausted}`]);
  });

  test('when its run is closed', async () => {
    await using served = await serveWorkers();
    const { client, order, register, lease } = served;
    await register('w');
    await client.work.enqueue([order('played'), order('waits')]);
    await lease('w');
    const told = [toldOf(client, 'played'), toldOf(client, 'waits')];
    await client.runs.close('run');
    const reason = 'ROLLOUT_CANCELLED';
    expect((await told[0])?.slice(2)).toEqual([`played.0 ${reason}`, `played.1 ${reason}`]);
    expect(await told[1]).toEqual([`waits.0 ${reason}`, `waits.1 ${reason}`]);
  });
});

describe('what is cancelled', () => {
  test('while a worker plays it ends at its next heartbeat, for good', async () => {
    await using served = await serveWorkers();
    const { client, order, register, lease } = served;
    await register('w');
    await client.work.enqueue([order('g')]);
    await lease('w');
    const told = toldOf(client, 'g');
    await client.environments.cancel({ groupIds: ['g'], reason: 'enough' });
    expect(await client.work.heartbeat('w', ['g'])).toMatchObject({
      cancelled: [{ assignmentId: 'g' }],
    });
    expect((await told).slice(2)).toEqual(['g.0 ROLLOUT_CANCELLED', 'g.1 ROLLOUT_CANCELLED']);
    expect(await lease('w')).toEqual([]);
  });

  test('in part is told rollout by rollout, and the others go on', async () => {
    await using served = await serveWorkers();
    const { client, order, register, lease } = served;
    await register('w');
    await client.work.enqueue([order('g')]);
    await lease('w');
    await client.environments.cancel({ rolloutIds: ['g.1'], reason: 'enough' });
    const heard = await client.work.heartbeat('w', ['g']);
    expect(heard).toMatchObject({ cancelled: [], cancelledRollouts: [{ rolloutId: 'g.1' }] });
  });

  test('while it waits is handed to nobody, and not again after its worker died', async () => {
    await using served = await serveWorkers();
    const { client, clock, order, register, lease } = served;
    await register('w');
    await client.work.enqueue([order('waits'), order('played')]);
    await client.environments.cancel({ groupIds: ['waits'] });
    expect(await lease('w')).toEqual(['played#1']);
    await client.environments.cancel({ groupIds: ['played'] });
    const told = toldOf(client, 'played');
    clock.advance(LEASE_MS);
    expect(await lease('w')).toEqual([]);
    const endings = (await told).filter((line) => !line.endsWith('started'));
    expect(endings.map((line) => line.split(' ')[0])).toEqual([
      ...['played.0', 'played.1', 'played.0@2', 'played.1@2'],
    ]);
    expect(await client.runs.status('run')).toMatchObject({ openAssignments: 0 });
  });
});

describe('an environment that the server does not host', () => {
  test('is played by the worker that announces it, or waits for one that the run names', async () => {
    await using served = await serveWorkers();
    const { client, order, register, lease } = served;
    const refused = await client.work
      .enqueue([order('a', { environment: 'far' })])
      .catch(lachesisErrorOf);
    expect(refused).toMatchObject({
      reason: 'ENVIRONMENT_UNKNOWN',
      field: 'assignments[0].environment',
      remedy: expect.stringContaining('settings.environments'),
    });
    await client.runs.open('named', {
      batchSize: { kind: 'groups', groups: 1 },
      environments: ['far'],
    });
    const named = order('a', { environment: 'far', runId: 'named' });
    expect(await client.work.enqueue([named])).toEqual(['a']);
    await register('w', ['far']);
    expect(await client.work.enqueue([order('b', { environment: 'far' })])).toEqual(['b']);
    const started = { id: 'c', runId: 'run', environment: 'far', taskKey: 'x', groupSize: 1 };
    await client.environments.startGroup(started);
    expect((await lease('w', 9)).sort()).toEqual(['a#1', 'b#1', 'c#1']);
  });

  test('has no tasks here: auto play and play outside of a run say so', async () => {
    await using served = await serveWorkers();
    const { client, register } = served;
    await register('w', ['far']);
    const autoPlay = { environments: [{ environment: 'far', groupSize: 1 }], maxAhead: 1 };
    const opened = client.runs.open('auto', { batchSize: { kind: 'groups', groups: 1 }, autoPlay });
    expect(await opened.catch(lachesisErrorOf)).toMatchObject({
      reason: 'ENVIRONMENT_NOT_HOSTED',
      field: 'settings.auto_play.environments[0].environment',
      remedy: expect.stringContaining('--no-play'),
    });
    const alone = client.environments.startGroup({ id: 'g', environment: 'far', taskKey: 'x' });
    await expect(alone).rejects.toMatchObject({ code: Code.FailedPrecondition });
  });
});

test('what a server that died was playing itself is played again by the next, at once', async () => {
  const broker = createMemoryBroker();
  const settings = runSettingsFromProto(
    create(RunSettingsSchema, { batchSize: { case: 'batchGroups', value: 1 } }),
  );
  await broker.openRun('run', settings, 0);
  const wire = assignmentToProto(
    assignment('g', { environment: 'sums', task: { kind: 'key', key: 'sum-2' } }),
  );
  const payload = toBinary(AssignmentSchema, wire);
  await broker.enqueue([{ id: 'g', runId: 'run', environment: 'sums', priority: 0, payload }]);
  const signal = new AbortController().signal;
  const dead = { workerId: 'serve-1', environments: ['sums'], max: 1, waitMs: 0, signal };
  expect(await broker.lease(dead)).toHaveLength(1);
  await using served = await serveForTest({ broker });
  const told = await toldOf(served.client, 'g');
  expect(told.filter((line) => !line.endsWith('started'))).toEqual([
    ...['g.0 PLAYED_AGAIN', 'g.1 PLAYED_AGAIN', 'g.0@2 scored', 'g.1@2 scored'],
  ]);
  expect(await served.client.runs.status('run')).toMatchObject({ acceptedGroups: 1 });
});

/** What `lachesis worker` tells of a turn. */
const turnOf = (rolloutId: string, index: number, attempt = 1, runId = 'run') => ({
  runId,
  attempt,
  event: {
    kind: 'turn',
    rolloutId,
    groupId: rolloutId.split('.')[0]!,
    turn: { index, finishReason: 'stop', modelDurationMs: 1, toolDurationMs: 0, toolCalls: 0 },
    messages: [{ role: 'assistant', content: [{ kind: 'text', text: 'a' }], toolCalls: [] }],
  } as const,
});

/** Of the first rollout, as `rollout#attempt what`, with the turns that were missed. */
async function eventsOf(
  client: LachesisClient,
  groupId: string,
  runId = 'run',
): Promise<readonly string[]> {
  const watching = client.environments.watch({ groupIds: [groupId], runId, untilFinished: true });
  const told = await Array.fromAsync(watching);
  return told
    .filter(({ rolloutId }) => rolloutId.startsWith(`${groupId}.0`))
    .map(({ rolloutId, attempt, missedTurns, event }) => {
      const what =
        event.case === 'turnFinished'
          ? `turn ${event.value.turn?.index} of ${event.value.messages.length}`
          : event.case;
      return `${rolloutId}#${attempt} ${what}${missedTurns > 0 ? `, ${missedTurns} missed` : ''}`;
    });
}

describe('the turns that a worker tells of', () => {
  const none: readonly MissedTurns[] = [];

  test('come to watchers once and in order, and none after the end', async () => {
    await using served = await serveWorkers();
    const { client, order, register, lease, submit } = served;
    await register('w');
    await client.work.enqueue([order('a')]);
    await lease('w');
    const tell = (events: ReturnType<typeof turnOf>[], missedTurns = none) =>
      client.work.reportEvents('w', { events, missedTurns });
    expect(await tell([turnOf('a.0', 1), turnOf('a.0', 2)])).toBe(2);
    // Told again, since an answer may be lost; of others' rollouts, or of none.
    expect(await tell([turnOf('a.0', 2), turnOf('a.7', 1), turnOf('x.0', 1)])).toBe(0);
    expect(await tell([turnOf('a.0', 5)], [{ runId: 'run', rolloutId: 'a.0', turns: 2 }])).toBe(1);
    await submit(await encodedGroup({ id: 'a', runId: 'run' }));
    expect(await tell([turnOf('a.0', 6)])).toBe(0);
    expect(await eventsOf(client, 'a')).toEqual([
      ...['a.0#1 started', 'a.0#1 turn 1 of 1', 'a.0#1 turn 2 of 1'],
      ...['a.0#1 turn 5 of 1, 2 missed', 'a.0#1 finished, 2 missed'],
    ]);
  });

  test('carry their attempt, and are taken of nobody but the one that holds the assignment', async () => {
    await using served = await serveWorkers();
    const { client, clock, order, register, lease, submit } = served;
    await register('slow');
    await register('next');
    await client.work.enqueue([order('a')]);
    await lease('slow');
    clock.advance(LEASE_MS + 1);
    expect(await lease('next')).toEqual(['a#2']);
    const tell = (workerId: string, id: string, attempt: number) =>
      client.work.reportEvents(workerId, {
        events: [turnOf(id, 1, attempt)],
        missedTurns: none,
      });
    expect(await tell('slow', 'a.0', 1)).toBe(0);
    expect(await tell('slow', 'a.0@2', 2)).toBe(0);
    expect(await tell('next', 'a.0@2', 2)).toBe(1);
    // One that is played for a failed one of the same attempt.
    expect(await tell('next', 'a.0@2+1', 2)).toBe(1);
    await submit(await encodedGroup({ id: 'a', runId: 'run' }));
    expect(await eventsOf(client, 'a')).toEqual([
      ...['a.0#1 started', 'a.0#1 finished', 'a.0@2#2 started', 'a.0@2#2 turn 1 of 1'],
      ...['a.0@2+1#2 turn 1 of 1', 'a.0@2#2 finished', 'a.0@2+1#2 finished'],
    ]);
  });

  test('are refused where they make no sense, and to a worker that nobody knows', async () => {
    await using served = await serveWorkers();
    const { client, register } = served;
    const events = [turnOf('a.0', 1)];
    await expect(
      client.work.reportEvents('w', { events, missedTurns: none }),
    ).rejects.toMatchObject({
      code: Code.FailedPrecondition,
    });
    await register('w');
    const nameless = { ...turnOf('a.0', 1).event, rolloutId: '' };
    await expect(
      client.work.reportEvents('w', {
        events: [{ event: nameless, runId: 'run', attempt: 1 }],
        missedTurns: none,
      }),
    ).rejects.toThrow(/events\[0\]\.rollout_id/);
    const runless = client.work.reportEvents('w', {
      events: [turnOf('a.0', 1, 1, '')],
      missedTurns: none,
    });
    await expect(runless).rejects.toThrow(/events\[0\]\.run_id/);
    const missed = client.work.reportEvents('w', {
      events: [],
      missedTurns: [{ runId: '', rolloutId: 'a.0', turns: 1 }],
    });
    await expect(missed).rejects.toThrow(/missed_turns\[0\]\.run_id/);
  });
});

test('a worker started anew under its id has what it held back at once; the one before is told', async () => {
  await using served = await serveWorkers();
  const { client, order } = served;
  const start = (session: string) => {
    const call = { session };
    const worker = { workerId: 'w', environments: ['sums'], capacity: 8 };
    return {
      register: () => client.work.register({ ...worker, session }),
      lease: async (waitMs = 0) =>
        (await client.work.lease('w', { ...call, waitMs })).map((one) => one.attempt),
      heartbeat: () => client.work.heartbeat('w', [], call),
    };
  };
  const [first, second] = [start('1'), start('2')];
  await first.register();
  await client.work.enqueue([order('a')]);
  expect(await first.lease()).toEqual([1]);
  const waiting = first.lease(5_000).catch((error: unknown) => lachesisErrorOf(error).reason);
  await second.register();
  expect([[], 'WORKER_REPLACED']).toContainEqual(await waiting);
  expect(await second.lease()).toEqual([2]);
  for (const call of [first.heartbeat, first.register, first.lease]) {
    const error = await call().catch(lachesisErrorOf);
    expect(error).toMatchObject({ reason: 'WORKER_REPLACED' });
  }
  await second.heartbeat();
});
