import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type LachesisClient, lachesisErrorOf } from '../../src/client/index.ts';
import { defineEnvironment, generated, hostEnvironment } from '../../src/environment/index.ts';
import { fakeModelServer } from '../environment/fake-model-server.ts';
import { type ServedForTest, serveForTest, sums } from '../support/serve.ts';

let served: ServedForTest;
let client: LachesisClient;

beforeAll(async () => {
  served = await serveForTest();
  client = served.client;
});
afterAll(() => served[Symbol.asyncDispose]());

const byGroups = (groups: number) => ({ batchSize: { kind: 'groups', groups } as const });

describe('a run that plays by itself, where something is wrong', () => {
  test('is refused when a split is not there, also of a source without an end', async () => {
    const definition = defineEnvironment({
      name: 'endless',
      tasks: generated((n) => n),
      prompt: () => 'x',
      reward: () => 1,
    });
    const environment = await hostEnvironment(definition);
    const modelServer = fakeModelServer(() => ({ text: 'ok' }));
    await using endless = await serveForTest({ environments: [{ environment, modelServer }] });
    const { runs, environments } = endless.client;
    const part = { environment: 'endless', groupSize: 1, split: 'none' };
    const autoPlay = { environments: [part], maxAhead: 1 };
    const open = runs.open('none', { ...byGroups(1), autoPlay }).catch(lachesisErrorOf);
    // The server has time for others meanwhile.
    expect(await runs.list().next()).toMatchObject({ done: true });
    expect(await open).toMatchObject({ reason: 'NO_TASKS' });
    const evaluated = environments.evaluate({ environment: 'endless', split: 'none', maxTasks: 1 });
    expect(await Array.fromAsync(evaluated).catch(lachesisErrorOf)).toMatchObject({
      reason: 'NO_TASKS',
    });
  });

  test('slows down where every group fails, says so, and leaves the server to others', async () => {
    const definition = defineEnvironment({
      name: 'broken',
      tasks: [{ data: 0 }],
      setup: (): undefined => {
        throw new Error('bug');
      },
      prompt: () => 'x',
      reward: () => 1,
    });
    const environment = await hostEnvironment(definition);
    const modelServer = fakeModelServer(() => ({ text: 'ok' }));
    await using broken = await serveForTest({ environments: [{ environment, modelServer }] });
    const { runs } = broken.client;
    const autoPlay = { environments: [{ environment: 'broken', groupSize: 4 }], maxAhead: 4 };
    await runs.open('broken', { ...byGroups(1), autoPlay });
    let status = await runs.status('broken');
    while (status.problem === '') status = await runs.status('broken');
    expect(status.problem).toMatch(/groups in a row came to nothing \(.*assignment_failed \d+/);
    expect(status.droppedGroups['assignment_failed']).toBeLessThan(500);
    await runs.close('broken');
  });

  test('goes on after a task source failed, with what was drawn before', async () => {
    let fails = true;
    const definition = defineEnvironment({
      name: 'flaky',
      tasks: {
        count: undefined,
        async *tasks({ from = 0 } = {}) {
          for (let n = from; ; n++) {
            if (n === 3 && fails) throw new Error('disk on fire');
            yield { key: String(n), split: '', data: n };
          }
        },
        get: async () => undefined,
      },
      prompt: () => 'x',
      reward: () => 1,
    });
    const environment = await hostEnvironment(definition);
    const modelServer = fakeModelServer(() => ({ text: 'ok' }));
    await using flaky = await serveForTest({ environments: [{ environment, modelServer }] });
    const { runs, batches } = flaky.client;
    const autoPlay = { environments: [{ environment: 'flaky', groupSize: 1 }], maxAhead: 5 };
    await runs.open('flaky', { ...byGroups(3), autoPlay });
    await using consumer = await batches.register({ runId: 'flaky' });
    const first = await consumer.next({ timeoutMs: 5_000 });
    expect(first?.groups.map(({ taskKey }) => taskKey).sort()).toEqual(['0', '1', '2']);
    expect((await runs.status('flaky')).problem).toContain('disk on fire');
    fails = false;
    await first?.ack();
    expect(await consumer.next({ timeoutMs: 5_000 })).toBeDefined();
  });

  test('keeps a backlog within its bounds, and other runs get their turn', async () => {
    const definition = defineEnvironment({
      name: 'growing',
      tasks: [{ data: 0 }],
      prompt: () => 'x',
      reward: () => 1,
      backlog: () => Array.from({ length: 64 }, (_, data) => ({ data })),
    });
    const modelServer = fakeModelServer(() => ({ text: 'ok' }));
    const environments = [
      { environment: await hostEnvironment(definition), modelServer },
      { environment: await hostEnvironment(sums), modelServer },
    ];
    await using growing = await serveForTest({ environments });
    const { runs, batches } = growing.client;
    const parts = [{ environment: 'growing', groupSize: 1 }];
    const autoPlay = { environments: parts, maxAhead: 4, maxBatchesAhead: 1 };
    await runs.open('growing', { ...byGroups(2), autoPlay });
    await using consumer = await batches.register({ runId: 'growing' });
    for (let step = 1; step <= 20; step++) {
      const batch = await consumer.next({ timeoutMs: 5_000 });
      const { waitingGroups, openAssignments } = await runs.status('growing');
      expect(waitingGroups + openAssignments).toBeLessThanOrEqual(4);
      await batch?.ack();
    }
    const other = { environments: [{ environment: 'sums', groupSize: 2 }], maxAhead: 2 };
    await runs.open('other', { ...byGroups(1), autoPlay: other });
    await using beside = await batches.register({ runId: 'other' });
    expect(await beside.next({ timeoutMs: 5_000 })).toBeDefined();
  });

  test('does not wait for a slow environment where another is fast', async () => {
    const gate = Promise.withResolvers<void>();
    const slowDefinition = defineEnvironment({
      name: 'slow',
      tasks: [{ data: 0 }],
      prompt: () => 'x',
      reward: () => gate.promise.then(() => 1),
    });
    const modelServer = fakeModelServer(() => ({ text: 'ok' }));
    const environments = [
      { environment: await hostEnvironment(slowDefinition), modelServer },
      { environment: await hostEnvironment(sums), modelServer },
    ];
    await using mixed = await serveForTest({ environments });
    const { runs, batches } = mixed.client;
    const parts = ['slow', 'sums'].map((environment) => ({ environment, groupSize: 2 }));
    await runs.open('mixed', { ...byGroups(1), autoPlay: { environments: parts, maxAhead: 4 } });
    await using consumer = await batches.register({ runId: 'mixed' });
    for (let step = 1; step <= 10; step++) {
      const batch = await consumer.next({ timeoutMs: 5_000 });
      expect(batch?.groups[0]?.environment).toBe('sums');
      await batch?.ack();
    }
    expect((await runs.status('mixed')).openByEnvironment['slow']).toBe(2);
    gate.resolve();
  });

  test('refuses groups that are larger than a batch', async () => {
    const batchSize = { kind: 'rows', rows: 3 } as const;
    const autoPlay = { environments: [{ environment: 'sums', groupSize: 4 }], maxAhead: 1 };
    const refused = await client.runs.open('large', { batchSize, autoPlay }).catch(lachesisErrorOf);
    expect(refused).toMatchObject({
      reason: 'GROUP_LARGER_THAN_BATCH',
      field: 'settings.auto_play.environments[0].group_size',
    });
  });
});
