import type { MessageInitShape } from '@bufbuild/protobuf';
import { Code } from '@connectrpc/connect';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  BatchService,
  ConsumerMode,
  type RegisterConsumerRequestSchema,
} from '../../gen/lachesis/v1/batch_service_pb.ts';
import { EnvironmentService } from '../../gen/lachesis/v1/environment_service_pb.ts';
import { TrainingPolicy } from '../../gen/lachesis/v1/group_pb.ts';
import { RunService, type RunSettingsSchema } from '../../gen/lachesis/v1/run_service_pb.ts';
import { lachesisErrorOf } from '../../src/client/index.ts';
import { defineEnvironment, hostEnvironment } from '../../src/environment/index.ts';
import { tool } from '../../src/tools/index.ts';
import { createRpcClient } from '../../src/transport/index.ts';
import { fakeModelServer } from '../environment/fake-model-server.ts';
import { type ServedForTest, serveForTest } from '../support/serve.ts';

const MIB = 1_048_576;
const cycle: Record<string, unknown> = {};
cycle['self'] = cycle;

const careless = defineEnvironment({
  name: 'careless',
  tasks: [
    { key: 'good', data: {} as unknown },
    { key: 'cycle', data: cycle },
    { key: 'bigint', data: { count: 1n } },
    { key: 'huge', data: { text: 'x'.repeat(6 * MIB) } },
  ],
  tools: [
    tool({
      name: 'flood',
      description: 'Answers with more than a message holds.',
      parameters: { type: 'object' },
      execute: () => 'y'.repeat(8 * MIB),
    }),
  ],
  prompt: () => 'Go.',
  reward: () => 1,
});

let served: ServedForTest;
let runs: ReturnType<typeof createRpcClient<typeof RunService>>;
let batches: ReturnType<typeof createRpcClient<typeof BatchService>>;
let environments: ReturnType<typeof createRpcClient<typeof EnvironmentService>>;

beforeAll(async () => {
  const modelServer = fakeModelServer((_id, call) =>
    call === 1 ? { call: { name: 'flood', args: {} } } : { text: 'done' },
  );
  served = await serveForTest({
    environments: [{ environment: await hostEnvironment(careless), modelServer }],
  });
  runs = createRpcClient(RunService, served.client.transport);
  batches = createRpcClient(BatchService, served.client.transport);
  environments = createRpcClient(EnvironmentService, served.client.transport);
});
afterAll(() => served[Symbol.asyncDispose]());

type Consumer = Omit<MessageInitShape<typeof RegisterConsumerRequestSchema>, '$typeName'>;
type Settings = MessageInitShape<typeof RunSettingsSchema>;

const openRun = (runId: string, settings: Partial<Settings>, initialPolicyVersion = 0n) =>
  runs.openRun({
    runId,
    initialPolicyVersion,
    settings: {
      trainingPolicy: TrainingPolicy.STRICT,
      batchSize: { case: 'batchGroups', value: 1 },
      ...settings,
    } as Settings,
  });

const part = { environment: 'careless', groupSize: 1 };
const autoPlay = { environments: [part], maxAhead: 1 };
const partOf = (fields: object) => ({ ...autoPlay, environments: [{ ...part, ...fields }] });

describe('a run that could not be, or could not be held', () => {
  test.each<[string, Partial<Settings>]>([
    ['auto_play.environments[0].group_size', { autoPlay: partOf({ groupSize: 1_000_000_000 }) }],
    ['auto_play.environments[0].weight', { autoPlay: partOf({ weight: 0 }) }],
    ['auto_play.environments[0].weight', { autoPlay: partOf({ weight: Number.NaN }) }],
    [
      'auto_play.environments[1].environment',
      { autoPlay: { ...autoPlay, environments: [part, part] } },
    ],
    ['auto_play.environments', { autoPlay: { ...autoPlay, environments: [] } }],
    ['auto_play.max_ahead', { autoPlay: { ...autoPlay, maxAhead: 1_000_000_000 } }],
    ['environments', { environments: Array<string>(300).fill('careless') }],
    ['environments[0]', { environments: ['n'.repeat(10_000)] }],
    [
      'max_waiting_groups',
      { maxWaitingGroups: 4, batchSize: { case: 'batchGroups', value: 5 } } as Partial<Settings>,
    ],
  ])('is refused by its %s', async (field, settings) => {
    const error = await openRun('refused', settings).catch(lachesisErrorOf);
    expect(error).toMatchObject({ kind: 'invalid_input', field: `settings.${field}` });
  });

  test('is refused by a policy version that a number can not hold', async () => {
    const error = await openRun('refused', {}, 2n ** 62n).catch(lachesisErrorOf);
    expect(error).toMatchObject({ kind: 'invalid_input', field: 'initial_policy_version' });
  });

  test('waits for as many groups as its batch takes, when it does not say', async () => {
    const { run } = await openRun('large', { batchSize: { case: 'batchGroups', value: 5_000 } });
    expect(run?.settings?.maxWaitingGroups).toBe(5_000);
  });
});

describe('a consumer', () => {
  test.each<[string, Partial<Consumer>]>([
    ['consumer_id', { consumerId: 'a b' }],
    ['consumer_id', { consumerId: 'c'.repeat(10_000) }],
    ['world_size', { worldSize: 2_147_483_647 }],
    ['mode', { mode: 9 as ConsumerMode }],
    ['rank', { rank: -1 }],
  ])('is refused by its %s', async (field, change) => {
    await openRun('consumed', {});
    const request = {
      runId: 'consumed',
      consumerId: 'c',
      rank: 0,
      worldSize: 1,
      mode: ConsumerMode.COMPETE,
    };
    const error = await batches.registerConsumer({ ...request, ...change }).catch(lachesisErrorOf);
    expect(error).toMatchObject({ kind: 'invalid_input', field });
  });
});

describe('what somebody sent, quoted in an error', () => {
  test('is cut to what headers hold, and the connection lives on', async () => {
    const error = await runs.getRun({ runId: 'x'.repeat(12 * MIB) }).catch(lachesisErrorOf);
    expect(error).toMatchObject({ kind: 'not_found', reason: 'RUN_NOT_FOUND' });
    expect((error as Error).message.length).toBeLessThan(2_000);
    await expect(runs.listRuns({})).resolves.toBeDefined();
  });
});

describe('an assignment', () => {
  const assignment = (id: string, groupSize: number, dataJson = '{}') => ({
    id,
    environment: 'careless',
    groupSize,
    taskSource: { case: 'task' as const, value: { key: 'given', dataJson } },
  });

  test('under an id that another one has is refused', async () => {
    await environments.startGroup({ assignment: assignment('same', 1) });
    await environments.startGroup({ assignment: assignment('same', 1) });
    const error = await environments
      .startGroup({ assignment: assignment('same', 3) })
      .catch(lachesisErrorOf);
    expect(error).toMatchObject({ kind: 'already_exists', reason: 'ASSIGNMENT_DIFFERS' });
  });

  test('whose data nests too deeply to walk is refused', async () => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    const error = await environments
      .startGroup({ assignment: assignment('deep', 1, deep) })
      .catch(lachesisErrorOf);
    expect(error).toMatchObject({ reason: 'JSON_TOO_DEEP', field: 'assignment.task.data_json' });
    // Brackets in a text nest nothing.
    const flat = JSON.stringify({ text: `"${'['.repeat(1_000)}\\` });
    await environments.startGroup({ assignment: assignment('flat', 1, flat) });
  });

  test('with a timeout beyond any timer is refused, not played for a millisecond', async () => {
    const limits = { timeout: { seconds: 10n ** 12n, nanos: 0 } };
    const error = await environments
      .startGroup({ assignment: { ...assignment('long', 1), limits } })
      .catch(lachesisErrorOf);
    expect(error).toMatchObject({ kind: 'invalid_input', field: 'assignment.limits.timeout' });
  });
});

describe('tasks that no message can hold', () => {
  test.each([
    ['cycle', 'environment_error', 'TASK_NOT_JSON'],
    ['bigint', 'environment_error', 'TASK_NOT_JSON'],
    ['huge', 'resource_exhausted', 'TASK_TOO_LARGE'],
  ])('%s: says so, and names the task', async (taskKey, kind, reason) => {
    const error = await environments
      .getTask({ environment: 'careless', taskKey })
      .catch(lachesisErrorOf);
    expect(error).toMatchObject({ kind, reason });
    expect((error as Error).message).toContain(`"${taskKey}"`);
  });
});

describe('a turn that no message can hold', () => {
  test('does not end the stream of who watches, and GetRollout has it', async () => {
    const { rolloutIds, afterSequence } = await served.client.environments.startRollouts({
      id: 'flood',
      environment: 'careless',
      taskKey: 'good',
      groupSize: 1,
    });
    const events = await Array.fromAsync(
      served.client.environments.watch({ afterSequence, rolloutIds, untilFinished: true }),
    );
    expect(events.map(({ event }) => event.case)).toEqual([
      'started',
      'turnFinished',
      'turnFinished',
      'finished',
    ]);
    const [flooded, quiet] = events.flatMap(({ event }) =>
      event.case === 'turnFinished' ? [event.value] : [],
    );
    expect(flooded?.messages).toEqual([]);
    expect(flooded?.turn?.toolCalls).toBe(1);
    expect(quiet?.messages).toHaveLength(1);
    const found = await served.client.environments.rollout('flood.0');
    const messages = found.kind === 'finished' ? found.rollout.result.messages : [];
    const results = messages.filter(({ role }) => role === 'tool');
    expect(results[0]?.content[0]).toMatchObject({ text: 'y'.repeat(8 * MIB) });
  });

  test('ends a play whose caller would have to be told it, with its reason', async () => {
    const rollout = await served.client.environments.play(
      { id: 'asked', environment: 'careless', taskKey: 'good', groupSize: 1 },
      {
        complete: async ({ messages }) => {
          const called = messages.some(({ role }) => role === 'assistant');
          const toolCalls = called ? [] : [{ id: '1', name: 'flood', argumentsText: '{}' }];
          return { message: { role: 'assistant', content: [], toolCalls } };
        },
      },
    );
    expect(rollout.result.stopReason).toBe('infrastructure_error');
    expect(rollout.result.stopDetail).toContain('a message holds');
  });
});

test('the good call after all of these is served', async () => {
  await expect(
    environments.getTask({ environment: 'careless', taskKey: 'good' }),
  ).resolves.toMatchObject({ task: { key: 'good' } });
  await expect(
    environments.getTask({ environment: 'careless', taskKey: 'none' }),
  ).rejects.toMatchObject({ code: Code.NotFound });
});
