import { describe, expect, test } from 'vitest';
import { createMemoryBroker } from '../../src/broker/index.ts';
import { connect, type LachesisClient } from '../../src/client/index.ts';
import { defineEnvironment, hostEnvironment } from '../../src/environment/index.ts';
import { LachesisError } from '../../src/errors.ts';
import type { ModelServer } from '../../src/models/index.ts';
import { createWorker, RemoteWorkPlane, ServerLink } from '../../src/worker/index.ts';
import { fakeModelServer } from '../environment/fake-model-server.ts';
import { type ServedForTest, serveForTest } from '../support/serve.ts';

const far = defineEnvironment({
  name: 'far',
  tasks: [{ key: 'task', data: 0 }],
  prompt: () => 'x',
  reward: () => 1,
});

interface Started extends AsyncDisposable {
  readonly states: string[];
  /** That it plays. */
  readonly groups: () => number;
}

/** A worker for `far` (or another environment) at the address of a server, in this process. */
async function startWorker(
  served: Pick<ServedForTest, 'directory' | 'server'>,
  options: {
    readonly modelServer?: ModelServer;
    readonly environment?: Parameters<typeof hostEnvironment>[0];
    readonly session?: string;
  } = {},
): Promise<Started> {
  const { modelServer = fakeModelServer(() => ({ text: '4' })), environment = far } = options;
  const { session = '' } = options;
  const states: string[] = [];
  const hosted = await hostEnvironment(environment);
  await using owned = new AsyncDisposableStack();
  const { address } = served.server;
  const link = owned.use(
    new ServerLink({
      connect: (signal) =>
        connect({
          address,
          scope: 'worker',
          tokenDirectory: `${served.directory}/tokens`,
          connectTimeoutMs: 500,
          signal,
        }),
      greet: async ({ work }, signal) => {
        const worker = { workerId: 'w', environments: [hosted.name], capacity: 4, session };
        await work.register(worker, { signal });
      },
      onState: ({ kind }) => states.push(kind),
      firstRetryMs: 20,
      maxRetryMs: 50,
    }),
  );
  const plane = owned.use(new RemoteWorkPlane({ link, workerId: 'w', session }));
  const worker = owned.use(
    createWorker({
      environments: new Map([[hosted.name, hosted]]),
      modelServerFor: () => modelServer,
      plane,
      workerId: 'w',
      concurrency: 4,
      drainMs: 0,
      heartbeatMs: 50,
    }),
  );
  void worker.run(new AbortController().signal);
  const all = owned.move();
  const groups = () => worker.inFlight.groups;
  return { states, groups, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

async function serveFar(options: Parameters<typeof serveForTest>[0] = {}) {
  const served = await serveForTest({ environments: [], ...options });
  const environments = ['far'];
  await served.client.runs.open('run', {
    batchSize: { kind: 'groups', groups: 100 },
    environments,
  });
  return served;
}

function order(id: string, groupSize = 2) {
  return {
    ...{ id, runId: 'run', environment: 'far', groupSize, sampling: {}, limits: {} },
    task: { kind: 'key', key: 'task' } as const,
  };
}

async function storedIds(client: LachesisClient): Promise<readonly string[]> {
  const groups = await Array.fromAsync(client.runs.scan('run', { headerOnly: true }));
  return groups.map(([, { header }]) => header.groupId).sort();
}

const range = (count: number) => Array.from({ length: count }, (_, index) => `g${index}`);

describe('a lease call whose answer is lost', () => {
  test('is made again on the next connection, and brings what it leased the first time', async () => {
    await using served = await serveFar({ worker: false });
    await served.client.work.enqueue([order('a'), order('b')]);
    let calls = 0;
    const connectLossy = async (signal: AbortSignal): Promise<LachesisClient> => {
      const client = await served.connect({ scope: 'worker', signal });
      const work = new Proxy(client.work, {
        get: (target, name) => {
          const value: unknown = Reflect.get(target, name);
          if (typeof value !== 'function') return value;
          return async (...args: unknown[]) => {
            const answer: unknown = await Reflect.apply(value, target, args);
            if (name !== 'lease') return answer;
            calls += 1;
            if (calls > 1) return answer;
            throw new LachesisError('infrastructure_error', 'it fell.', { reason: 'FELL' });
          };
        },
      });
      return Object.assign(Object.create(client), {
        ...{ work, address: client.address, batches: client.batches },
        [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
      });
    };
    await using link = new ServerLink({
      connect: connectLossy,
      greet: async ({ work }, signal) => {
        await work.register({ workerId: 'w', environments: ['far'], capacity: 4 }, { signal });
      },
      ...{ firstRetryMs: 1, maxRetryMs: 1 },
    });
    await using plane = new RemoteWorkPlane({ link, workerId: 'w' });
    const signal = AbortSignal.timeout(10_000);
    const lease = async () => {
      const leased = await plane.lease({ max: 1, waitMs: 0, signal });
      return leased.map(({ assignment, attempt }) => `${assignment.id}#${attempt}`);
    };
    expect(await lease()).toEqual(['a#1']);
    expect(calls).toBe(2);
    expect((await served.client.runs.status('run')).workers.first).toMatchObject([
      { workerId: 'w', assignments: 1 },
    ]);
    // Another call is another request.
    expect(await lease()).toEqual(['b#1']);
  });
});

describe('a worker over the wire', () => {
  test('plays what is ordered, under the policy version that is announced meanwhile', async () => {
    await using served = await serveFar();
    const { client } = served;
    await using _worker = await startWorker(served);
    await client.work.enqueue([order('early')]);
    await expect.poll(() => storedIds(client)).toEqual(['early']);
    await client.batches.publishPolicyVersion('run', 5);
    await client.work.enqueue([order('late')]);
    await expect.poll(() => storedIds(client)).toEqual(['early', 'late']);
    const { group } = (await client.runs.group('run', 'late')).decode();
    const versions = group.rollouts.flatMap(({ segments }) =>
      segments.flatMap(({ policyVersions }) =>
        policyVersions.map(({ announcedVersion }) => announcedVersion),
      ),
    );
    expect(new Set(versions)).toEqual(new Set([5]));
    expect(group.rollouts[0]?.provenance.workerId).toBe('w');
  });

  test('stops one rollout, or all of a group, when they are cancelled', async () => {
    const modelServer = fakeModelServer((id) => (id === 'part.0' ? { text: '4' } : { hang: true }));
    await using served = await serveFar();
    const { client } = served;
    await using _worker = await startWorker(served, { modelServer });
    await client.work.enqueue([order('part'), order('whole')]);
    await expect
      .poll(() => client.environments.rollout('whole.0').then(({ kind }) => kind))
      .toBe('running');
    await client.environments.cancel({ rolloutIds: ['part.1'], groupIds: ['whole'] });
    const whole = client.environments.watch({ groupIds: ['whole'], untilFinished: true });
    await Array.fromAsync(whole);
    expect(await client.environments.rollout('whole.1')).toMatchObject({
      rollout: { result: { stopReason: 'cancelled' } },
    });
    await expect.poll(() => storedIds(client)).toEqual(['part']);
    const { rollouts } = (await client.runs.group('run', 'part')).decode().group;
    expect(rollouts.map(({ id }) => id)).toEqual(['part.0']);
    expect(await client.environments.rollout('part.1')).toMatchObject({
      rollout: { outcome: { failure: { reason: 'ROLLOUT_CANCELLED' } } },
    });
    expect(await client.runs.deadLetters('run')).toMatchObject([{ assignmentId: 'whole' }]);
  });

  test('is watched turn by turn, as one in the server is', async () => {
    const modelServer = fakeModelServer(() => ({ text: '4' }));
    const told = async (client: LachesisClient, groupId: string) => {
      const watching = client.environments.watch({ groupIds: [groupId], untilFinished: true });
      return (await Array.fromAsync(watching))
        .filter(({ rolloutId }) => rolloutId === `${groupId}.0`)
        .map(({ event, attempt }) => [
          event.case,
          attempt,
          event.case === 'turnFinished' ? event.value.messages.length : 0,
        ]);
    };
    await using away = await serveFar();
    await using _worker = await startWorker(away, { modelServer });
    await away.client.work.enqueue([order('g')]);
    await expect.poll(() => storedIds(away.client)).toEqual(['g']);
    await using near = await serveForTest({
      environments: [{ environment: await hostEnvironment(far), modelServer }],
    });
    await near.client.runs.open('run', { batchSize: { kind: 'groups', groups: 100 } });
    await near.client.work.enqueue([order('g')]);
    await expect.poll(() => storedIds(near.client)).toEqual(['g']);
    const expected = [
      ['started', 1, 0],
      ['turnFinished', 1, 1],
      ['finished', 1, 0],
    ];
    expect(await told(away.client, 'g')).toEqual(expected);
    expect(await told(near.client, 'g')).toEqual(expected);
  });

  test('is watched by run, of which two may use the same ids', async () => {
    await using served = await serveFar();
    const { client } = served;
    const batchSize = { kind: 'groups', groups: 100 } as const;
    await client.runs.open('other', { batchSize, environments: ['far'] });
    await client.work.enqueue([order('g'), { ...order('g'), runId: 'other' }]);
    await using _worker = await startWorker(served);
    for (const runId of ['run', 'other']) {
      await expect
        .poll(() => client.runs.status(runId).then(({ acceptedGroups }) => acceptedGroups))
        .toBe(1);
      const watching = client.environments.watch({ groupIds: ['g'], runId, untilFinished: true });
      const told = (await Array.fromAsync(watching)).filter(({ rolloutId }) => rolloutId === 'g.0');
      expect(told.map(({ event }) => event.case)).toEqual(['started', 'turnFinished', 'finished']);
    }
  });

  test('whose id another start has taken over lets go of all it plays, and its link says why', async () => {
    const modelServer = fakeModelServer(() => ({ hang: true }));
    await using served = await serveFar();
    const { client } = served;
    await using first = await startWorker(served, { modelServer, session: '1' });
    await client.work.enqueue([order('g')]);
    await expect
      .poll(() => client.environments.rollout('g.0').then(({ kind }) => kind))
      .toBe('running');
    await using second = await startWorker(served, { session: '2' });
    await expect.poll(() => storedIds(client)).toEqual(['g']);
    await expect.poll(() => first.states).toEqual(['connected', 'failed']);
    await expect.poll(() => first.groups()).toBe(0);
    expect(second.states).toEqual(['connected']);
  });

  test('has the backlog of a group ordered', async () => {
    const environment = defineEnvironment({
      ...far,
      backlog: ({ task }: { task: { key: string } }) =>
        task.key === 'task' ? [{ key: 'next', split: '', data: 1 }] : [],
    } as Parameters<typeof hostEnvironment>[0]);
    await using served = await serveFar();
    const { client } = served;
    await using _worker = await startWorker(served, { environment });
    await client.work.enqueue([order('g')]);
    await expect.poll(async () => (await storedIds(client)).length).toBe(2);
    const groups = await Array.fromAsync(client.runs.scan('run', { headerOnly: true }));
    expect(groups.map(([, { header }]) => header.taskKey).sort()).toEqual(['next', 'task']);
  });

  test('waits for a server, goes on with the next at its address, and loses nothing in between', async () => {
    const broker = createMemoryBroker();
    await using first = await serveFar({ broker });
    const { port } = first.server;
    let replies = 0;
    const down = Promise.withResolvers<void>();
    const modelServer = fakeModelServer(() => {
      replies += 1;
      return { text: '4' };
    });
    const environment = { ...far, reward: () => (replies > 4 ? down.promise.then(() => 1) : 1) };
    await using worker = await startWorker(first, { modelServer, environment });
    await first.client.work.enqueue(range(8).map((id) => order(id, 1)));
    await expect.poll(() => replies).toBeGreaterThan(4);
    await first.server.close();
    await expect.poll(() => worker.states, { timeout: 4_000 }).toContain('waiting');
    // What was played meanwhile is finished while there is no server.
    down.resolve();
    await using second = await serveForTest({
      ...{ environments: [], broker, port },
      tokenDirectory: `${first.directory}/tokens`,
    });
    const client = await second.connect({ tokenDirectory: `${first.directory}/tokens` });
    await using _client = client;
    await expect.poll(() => storedIds(client), { timeout: 5_000 }).toEqual(range(8));
    expect(await client.runs.status('run')).toMatchObject({ acceptedGroups: 8 });
    expect(worker.states).toEqual(['connected', 'waiting', 'connected']);
    // Nothing was played twice: what the worker held when the server went was brought to the next.
    expect(replies).toBe(8);
    await worker[Symbol.asyncDispose]();
    await broker.close();
  });

  test('whose submit waits for room does not keep the groups of other runs waiting', async () => {
    await using served = await serveFar();
    const { client } = served;
    await using _worker = await startWorker(served);
    await client.runs.open('full', {
      ...{ batchSize: { kind: 'groups', groups: 1 }, maxWaitingGroups: 1, environments: ['far'] },
    });
    const many = range(20).map((id) => ({ ...order(`full-${id}`, 1), runId: 'full' }));
    await client.work.enqueue(many);
    await client.work.enqueue([order('other')]);
    await expect.poll(() => storedIds(client)).toEqual(['other']);
    expect(await client.runs.status('full')).toMatchObject({ waitingGroups: 1 });
  });
});
