import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type LachesisClient, lachesisErrorOf } from '../../src/client/index.ts';
import { defineEnvironment, hostEnvironment, turnRewards } from '../../src/environment/index.ts';
import { tool } from '../../src/tools/index.ts';
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

describe('a run that plays by itself', () => {
  test('keeps a trainer fed, exactly on policy, and stops when it is closed', async () => {
    const environments = [{ environment: 'sums', groupSize: 2, split: 'train' }];
    const autoPlay = { environments, maxAhead: 8, maxBatchesAhead: 1 };
    await client.runs.open('auto', { ...byGroups(3), autoPlay });
    await using consumer = await client.batches.register({ runId: 'auto' });
    for (let step = 1; step <= 4; step++) {
      const batch = await consumer.next({ timeoutMs: 5_000 });
      expect(batch).toMatchObject({ step, policyVersion: step - 1 });
      for (const row of batch!.rows) {
        expect(row.policyVersions.every((run) => run.announcedVersion === step - 1)).toBe(true);
      }
      await client.batches.publishPolicyVersion('auto', step);
      await batch?.ack();
    }
    const keys = (await Array.fromAsync(client.runs.scan('auto', { headerOnly: true }))).map(
      ([, { header }]) => header.taskKey,
    );
    expect([...keys.slice(0, 12)].sort()).toEqual(
      ['0', '0', '1', '1', '2', '2', '3', '3', '4', '5', '6', '7'].map((n) => `sum-${n}`),
    );
    await client.runs.close('auto');
    expect(await consumer.next()).toBeUndefined();
  });

  test('plays several environments by their weights', async () => {
    const modelServer = fakeModelServer(() => ({ text: '4' }));
    const environments = await Promise.all(
      ['often', 'seldom'].map(async (name) => ({
        environment: await hostEnvironment(sums, {}, { name }),
        modelServer,
      })),
    );
    await using mixed = await serveForTest({ environments });
    const { runs, batches } = mixed.client;
    const parts = [
      { environment: 'often', groupSize: 1, weight: 3 },
      { environment: 'seldom', groupSize: 2 },
    ];
    const autoPlay = { environments: parts, maxAhead: 4, maxBatchesAhead: 1 };
    await runs.open('mixed', { ...byGroups(8), autoPlay });
    await using consumer = await batches.register({ runId: 'mixed' });
    const played: string[] = [];
    for (let step = 1; step <= 2; step++) {
      const batch = await consumer.next({ timeoutMs: 5_000 });
      for (const header of batch!.groups) {
        played.push(header.environment);
        expect(header.rollouts).toHaveLength(header.environment === 'often' ? 1 : 2);
      }
      await batch?.ack();
    }
    expect(played.filter((name) => name === 'often')).toHaveLength(12);
    expect(played.filter((name) => name === 'seldom')).toHaveLength(4);
  });

  test('plays the backlog of a group before new tasks', async () => {
    // Two tasks of the source, and one of each task's backlog.
    const definition = defineEnvironment({
      name: 'levels',
      tasks: [1, 2].map((n) => ({ key: `start-${n}`, data: { level: 0 } })),
      prompt: (task) => `Level ${task.data.level}`,
      reward: () => 1,
      backlog: ({ task, rollouts }) =>
        task.data.level < 2 && rollouts.every(({ outcome }) => outcome.kind === 'scored')
          ? [{ data: { level: task.data.level + 1 } }]
          : [],
    });
    const environment = await hostEnvironment(definition);
    const modelServer = fakeModelServer(() => ({ text: 'ok' }));
    await using leveled = await serveForTest({ environments: [{ environment, modelServer }] });
    const { runs, batches } = leveled.client;
    const autoPlay = { environments: [{ environment: 'levels', groupSize: 2 }], maxAhead: 1 };
    await runs.open('levels', { ...byGroups(1), autoPlay });
    await using consumer = await batches.register({ runId: 'levels' });
    const keys: (string | undefined)[] = [];
    for (let step = 1; step <= 5; step++) {
      const batch = await consumer.next({ timeoutMs: 5_000 });
      keys.push(batch?.groups[0]?.taskKey);
      await batch?.ack();
    }
    expect(keys).toEqual(['start-1', 'start-1/1', 'start-1/1/1', 'start-2', 'start-2/1']);
  });

  test('drops groups that teach nothing, and counts them', async () => {
    let played = 0;
    const definition = defineEnvironment({
      name: 'mostly-equal',
      tasks: Array.from({ length: 4 }, (_, n) => ({ data: n })),
      prompt: () => 'x',
      // Only of the third task do the rollouts differ.
      reward: ({ task }) => (task.data === 2 ? played++ : 0.5),
    });
    const environment = await hostEnvironment(definition);
    const modelServer = fakeModelServer(() => ({ text: 'ok' }));
    await using equal = await serveForTest({ environments: [{ environment, modelServer }] });
    const { runs, batches } = equal.client;
    const part = { environment: 'mostly-equal', groupSize: 2 };
    const autoPlay = { environments: [part], maxAhead: 1 };
    const settings = { ...byGroups(1), dropUniformGroups: true };
    await runs.open('differing', { ...settings, autoPlay });
    await using consumer = await batches.register({ runId: 'differing' });
    for (let step = 1; step <= 2; step++) {
      const batch = await consumer.next({ timeoutMs: 5_000 });
      expect(batch?.groups[0]?.taskKey).toBe('2');
      await batch?.ack();
    }
    const { droppedGroups } = await runs.status('differing');
    expect(droppedGroups['uniform_rewards']).toBeGreaterThanOrEqual(5);
    const alone = { ...autoPlay, environments: [{ ...part, groupSize: 1 }] };
    const refused = runs.open('alone', { ...settings, autoPlay: alone }).catch(lachesisErrorOf);
    expect(await refused).toMatchObject({ reason: 'ALWAYS_UNIFORM' });
  });

  test('hands turn rewards to the trainer, with the turns that they belong to', async () => {
    const definition = defineEnvironment({
      name: 'stepwise',
      tasks: [{ data: 0 }],
      tools: [
        tool({
          name: 'step',
          description: '',
          parameters: { type: 'object' },
          execute: () => 'on',
        }),
      ],
      prompt: () => 'x',
      reward: ({ result }) => {
        const { value, rewards } = turnRewards(result, ({ index }) => index / 2);
        return { value, turnRewards: rewards, metrics: { turns: rewards.length } };
      },
    });
    const environment = await hostEnvironment(definition);
    const modelServer = fakeModelServer((_, call) =>
      call === 1 ? { call: { name: 'step', args: {} } } : { text: 'done' },
    );
    await using stepwise = await serveForTest({ environments: [{ environment, modelServer }] });
    const { runs, batches, environments } = stepwise.client;
    await runs.open('stepwise', byGroups(1));
    await environments.startGroup({
      id: 'g',
      runId: 'stepwise',
      environment: 'stepwise',
      taskKey: '0',
    });
    await using consumer = await batches.register({ runId: 'stepwise' });
    const batch = await consumer.next({ timeoutMs: 5_000, includeRollouts: true });
    const [row] = batch!.rows;
    expect(row?.reward).toBe(1.5);
    expect([...row!.turnRewards]).toEqual([
      [1, 0.5],
      [3, 1],
    ]);
    const column = row!.turnRewardColumn();
    const trained = row!.trainedMask();
    expect([...column].filter((value) => value !== 0)).toEqual([0.5, 1]);
    expect([...column].every((value, at) => value === 0 || trained[at] === 1)).toBe(true);
    expect(column.findLastIndex((value) => value !== 0)).toBe(trained.lastIndexOf(1));
    const found = await environments.rollout('g.0');
    expect(found).toMatchObject({ kind: 'finished', rollout: { metrics: { turns: 2 } } });
  });

  test('a group started by hand is played, submitted and watched', async () => {
    await client.runs.open('by-hand', byGroups(1));
    const assignment = { id: 'mine', runId: 'by-hand', environment: 'sums', taskKey: 'sum-2' };
    const started = await client.environments.startGroup({ ...assignment, groupSize: 2 });
    const { rolloutIds, afterSequence } = started;
    const events = client.environments.watch({ afterSequence, rolloutIds, untilFinished: true });
    const kinds = (await Array.fromAsync(events)).map(({ event }) => event.case);
    expect(kinds.filter((kind) => kind === 'finished')).toHaveLength(2);
    await using consumer = await client.batches.register({ runId: 'by-hand' });
    const batch = await consumer.next({ timeoutMs: 5_000 });
    expect(batch?.groups[0]?.groupId).toBe('mine');
    await client.environments.startGroup({ ...assignment, groupSize: 2 });
    expect(await client.runs.status('by-hand')).toMatchObject({ acceptedGroups: 1 });
  });
});
