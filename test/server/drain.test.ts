import { Code } from '@connectrpc/connect';
import { describe, expect, test } from 'vitest';
import { hostEnvironment } from '../../src/environment/index.ts';
import { fakeModelServer } from '../environment/fake-model-server.ts';
import { encodedGroup } from '../support/encoded-group.ts';
import { serveForTest, sums } from '../support/serve.ts';

describe('draining', () => {
  test('lets short work finish, ends long streams with UNAVAILABLE, and every rollout ends', async () => {
    const ended: string[] = [];
    await using served = await serveForTest({
      reply: () => ({ hang: true }),
      onRolloutFinished: ({ result }) => ended.push(result.stopReason),
    });
    const { server } = served;
    // One that reconnects would wait for another server.
    await using client = await served.connect({ reconnect: false });
    const assignment = { id: 'hang', environment: 'sums', taskKey: 'sum-2', groupSize: 3 };
    await client.environments.startRollouts(assignment);
    const watching = Array.fromAsync(client.environments.watch({ heartbeatMs: 50 }));
    const watched = expect(watching).rejects.toMatchObject({ code: Code.Unavailable });
    const begin = performance.now();
    await server.drain(100);
    expect(performance.now() - begin).toBeLessThan(3_000);
    await watched;
    expect(ended).toEqual(['cancelled', 'cancelled', 'cancelled']);
    await expect(client.server.info({ timeoutMs: 300 })).rejects.toThrow();
  });

  test('tells watchers how rollouts ended that took longer than the grace', async () => {
    await using served = await serveForTest({ reply: () => ({ hang: true }) });
    const { client, server } = served;
    const assignment = { id: 'hang', environment: 'sums', taskKey: 'sum-2', groupSize: 3 };
    const { rolloutIds, afterSequence } = await client.environments.startRollouts(assignment);
    const watching = Array.fromAsync(
      client.environments.watch({ afterSequence, rolloutIds, untilFinished: true }),
    );
    await server.drain(400);
    const ends = (await watching).filter(({ event }) => event.case === 'finished');
    expect(ends.map(({ rolloutId }) => rolloutId)).toEqual(rolloutIds);
  });

  test('lets rollouts that play finish within the grace, and begins no new ones', async () => {
    const ended: string[] = [];
    const gate = Promise.withResolvers<void>();
    await using served = await serveForTest({
      concurrency: 1,
      onRolloutFinished: ({ id, result }) => ended.push(`${id} ${result.stopReason}`),
      environments: [
        {
          environment: await hostEnvironment({
            ...sums,
            reward: async () => {
              await gate.promise;
              return 1;
            },
          }),
          modelServer: fakeModelServer(() => ({ text: '4' })),
        },
      ],
    });
    const { client, server } = served;
    await client.runs.open('run', { batchSize: { kind: 'groups', groups: 9 } });
    const base = { runId: 'run', environment: 'sums', taskKey: 'sum-2' };
    await client.environments.startGroup({ ...base, id: 'first' });
    await client.environments.startGroup({ ...base, id: 'second' });
    await expect
      .poll(async () => (await client.environments.rollout('first.0')).kind)
      .toBe('running');
    const drained = server.drain(5_000);
    gate.resolve();
    await drained;
    expect(ended).toEqual(['first.0 natural', 'second.0 cancelled']);
  });

  test('gives what a worker was playing for a run back, and can be called twice', async () => {
    const ended: string[] = [];
    await using served = await serveForTest({
      reply: () => ({ hang: true }),
      onRolloutFinished: (_, runId) => ended.push(runId),
    });
    const { client, server } = served;
    await client.runs.open('run', { batchSize: { kind: 'groups', groups: 1 } });
    const assignment = { id: 'hang', runId: 'run', environment: 'sums', taskKey: 'sum-2' };
    await client.environments.startGroup(assignment);
    await expect
      .poll(() => client.environments.rollout('hang.0').then(({ kind }) => kind))
      .toBe('running');
    await Promise.all([server.drain(50), server.close()]);
    expect(ended).toEqual(['run']);
  });

  test('a closed run ends what was ordered for it', async () => {
    const ended: string[] = [];
    await using served = await serveForTest({
      worker: false,
      onRolloutFinished: ({ id, result }) => ended.push(`${id} ${result.stopReason}`),
    });
    const { client } = served;
    await client.runs.open('run', { batchSize: { kind: 'groups', groups: 1 } });
    const task = { kind: 'key', key: 'sum-2' } as const;
    const assignment = { id: 'a', runId: 'run', environment: 'sums', task, groupSize: 2 };
    const added = await client.work.enqueue([{ ...assignment, sampling: {}, limits: {} }]);
    expect(added).toEqual(['a']);
    await client.runs.close('run');
    expect(ended).toEqual(['a.0 cancelled', 'a.1 cancelled']);
    const late = await encodedGroup({ id: 'late', runId: 'run' });
    await using stream = client.work.submitGroups('run');
    await expect(stream.submit(late)).rejects.toMatchObject({ kind: 'failed_precondition' });
  });
});

describe('workers over the wire', () => {
  test('register, are told what they may begin, and are forgotten without heartbeats', async () => {
    await using served = await serveForTest();
    const { work, runs } = served.client;
    const worker = { workerId: 'w1', environments: ['sums'], capacity: 4 };
    expect((await work.register(worker)).leaseMs).toBeGreaterThan(0);
    expect(await work.heartbeat('w1', [])).toEqual({
      credits: 0,
      cancelled: [],
      cancelledRollouts: [],
    });
    await runs.open('run', { batchSize: { kind: 'groups', groups: 1 }, maxWaitingGroups: 3 });
    expect(await work.heartbeat('w1', [])).toEqual({
      credits: 3,
      cancelled: [],
      cancelledRollouts: [],
    });
    await expect(work.heartbeat('w2', [])).rejects.toMatchObject({
      code: Code.FailedPrecondition,
    });
  });
});
