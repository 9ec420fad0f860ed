import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import {
  defineEnvironment,
  hostEnvironment,
  playRollout,
  type RewardContext,
  type WorkerReward,
  type WorkerRewardOptions,
  workerReward,
} from '../../../src/environment/index.ts';
import { threadArguments } from '../../../src/environment/reward/worker/thread-arguments.ts';
import { noSandbox } from '../../../src/tools/index.ts';
import { fakeModelServer } from '../fake-model-server.ts';

const fixture = (name: string): URL => new URL(`./fixtures/${name}`, import.meta.url);
const score = (options: WorkerRewardOptions = {}) =>
  workerReward(fixture('score.ts'), { threads: 1, ...options });

function contextOf(
  state: unknown,
  signal = new AbortController().signal,
  finalText = 'It is 4.',
): RewardContext {
  const task = { key: 'sum', split: '', data: { expected: 4 } };
  const result = {} as RewardContext['result'];
  const openSandbox = async () => noSandbox;
  const sandbox = noSandbox;
  return { task, state, settings: {}, result, finalText, sandbox, openSandbox, signal };
}

async function play(reward: WorkerReward, state: unknown, rewardTimeoutMs?: number) {
  const environment = await hostEnvironment(
    defineEnvironment({
      name: 'sum',
      tasks: [{ data: { expected: 4 } }],
      prompt: () => '2 + 2?',
      setup: () => state,
      reward,
      ...(rewardTimeoutMs !== undefined && { rewardTimeoutMs }),
    }),
  );
  const { outcome } = await playRollout({
    environment,
    modelServer: fakeModelServer(() => ({ text: 'It is 4.' })),
    rolloutId: 'r',
    groupId: '',
    index: 0,
    task: { key: 'sum', split: '', data: { expected: 4 } },
    signal: new AbortController().signal,
  });
  return outcome;
}

const right = { components: [{ name: 'right', value: 1, weight: 0.5 }] };

describe('workerReward', () => {
  it('scores in a thread, in TypeScript that imports lachesis', async () => {
    await using reward = score();
    expect(await reward(contextOf({}))).toEqual(right);
    expect(await play(reward, {})).toMatchObject({ kind: 'scored', reward: 0.5 });
  });

  it('throws what the module throws, typed as it was, and scores on', async () => {
    await using reward = score();
    await expect(reward(contextOf({ act: 'throw' }))).rejects.toThrow('no such rubric');
    expect(await play(reward, { act: 'throw' })).toMatchObject({
      failure: { kind: 'environment_error', reason: 'REWARD_THREW' },
    });
    expect(await play(reward, { act: 'typed' })).toMatchObject({
      failure: { kind: 'infrastructure_error', reason: 'RUNNER', message: 'the runner is gone' },
    });
    await expect(reward(contextOf({ act: 'function' }))).rejects.toThrow('could not be cloned');
    expect(await reward(contextOf({}))).toEqual(right);
  });

  it('leaves a rollout unscored when its reward never ends, and holds up nothing else', async () => {
    await using reward = score({ timeoutMs: 150 });
    await reward(contextOf({}));
    let ticks = 0;
    const ticking = setInterval(() => {
      ticks += 1;
    }, 5);
    const outcome = await play(reward, { act: 'spin' });
    clearInterval(ticking);
    expect(ticks).toBeGreaterThan(3);
    expect(outcome).toMatchObject({
      kind: 'not_scored',
      failure: { kind: 'environment_error', reason: 'REWARD_WORKER_TIMEOUT' },
    });
    expect(await reward(contextOf({}))).toEqual(right);
  });

  it("ends by the environment's rewardTimeoutMs too", async () => {
    await using reward = score();
    await reward(contextOf({}));
    expect(await play(reward, { act: 'spin' }, 100)).toMatchObject({
      failure: { kind: 'environment_error', reason: 'REWARD_TIMEOUT' },
    });
    expect(await reward(contextOf({}))).toEqual(right);
  });

  it('ends with the reason of its signal, whether it runs or waits', async () => {
    await using reward = score();
    await reward(contextOf({}));
    const controller = new AbortController();
    const calls = [{ act: 'spin' }, {}].map((state) =>
      reward(contextOf(state, controller.signal)).catch((error: unknown) => error),
    );
    setTimeout(() => controller.abort(new Error('enough')), 20);
    expect(await Promise.all(calls)).toEqual([new Error('enough'), new Error('enough')]);
    expect(await reward(contextOf({}))).toEqual(right);
  });

  it('names the part of its input that can not be copied', async () => {
    await using reward = score();
    const state = { players: [{ name: 'a' }, { move: () => 1 }] };
    expect(await play(reward, state)).toMatchObject({
      failure: {
        kind: 'environment_error',
        reason: 'REWARD_INPUT_NOT_CLONEABLE',
        message: expect.stringContaining('state.players[1].move'),
      },
    });
    expect(await reward(contextOf({}))).toEqual(right);
  });

  it.each([
    ['missing.ts', 'Cannot find module'],
    ['broken.ts', 'the word list is missing'],
    ['no-default.ts', 'no function as its default export'],
  ])('tells that %s can not be loaded, and starts no thread for it again', async (name, why) => {
    await using reward = workerReward(fixture(name), { threads: 1 });
    const first = await reward(contextOf({})).catch((error: unknown) => error);
    expect(first).toMatchObject({ kind: 'environment_error', reason: 'REWARD_MODULE_LOAD' });
    expect((first as Error).message).toContain(why);
    expect((first as Error).message).toContain(`fixtures/${name}`);
    expect(await reward(contextOf({})).catch((error: unknown) => error)).toBe(first);
  });

  it.each([
    ['exit', 'REWARD_WORKER_DIED'],
    ['fill', 'REWARD_WORKER_OUT_OF_MEMORY'],
  ])('replaces a thread that dies (%s)', async (act, reason) => {
    await using reward = score({ maxOldGenerationMb: 48 });
    await expect(reward(contextOf({ act }))).rejects.toMatchObject({
      kind: 'environment_error',
      reason,
    });
    expect(await reward(contextOf({}))).toEqual(right);
  });

  it('gives a thread one call at a time, and waits in a bounded queue', async () => {
    await using reward = workerReward(fixture('thread-id.ts'), { threads: 2, maxWaiting: 10 });
    const calls = Array.from({ length: 13 }, () => reward(contextOf({})));
    await expect(calls.pop()).rejects.toMatchObject({
      kind: 'resource_exhausted',
      reason: 'REWARD_QUEUE_FULL',
    });
    const values = (await Promise.all(calls)).map((value) =>
      typeof value === 'object' && 'components' in value ? value.components : [],
    );
    expect(new Set(values.map(([thread]) => thread?.value)).size).toBeLessThanOrEqual(2);
    expect(values.every(([, alone]) => alone?.value === 1)).toBe(true);
  });

  it('ends its threads when disposed, with whatever they do', async () => {
    const reward = score();
    await reward(contextOf({}));
    const calls = [{ act: 'spin' }, {}].map((state) => reward(contextOf(state)));
    const settled = Promise.allSettled([...calls]);
    await reward[Symbol.asyncDispose]();
    for (const call of await settled) {
      expect(call).toMatchObject({ reason: { reason: 'REWARD_WORKER_CLOSED' } });
    }
    await expect(reward(contextOf({}))).rejects.toMatchObject({ reason: 'REWARD_WORKER_CLOSED' });
  });

  it("ends its threads as an environment's `close`", async () => {
    const reward = score();
    {
      await using _hosted = await hostEnvironment(
        defineEnvironment({
          name: 'sum',
          tasks: [{ data: { expected: 4 } }],
          prompt: () => '2 + 2?',
          reward,
          close: () => reward[Symbol.asyncDispose](),
        }),
      );
      expect(await reward(contextOf({}))).toEqual(right);
    }
    await expect(reward(contextOf({}))).rejects.toMatchObject({ reason: 'REWARD_WORKER_CLOSED' });
  });

  it('does not hold the process when it is idle, and does while it scores', async () => {
    const script = `
      import { workerReward } from 'lachesis';
      const reward = workerReward(new URL(${JSON.stringify(fixture('score.ts').href)}));
      const { signal } = new AbortController();
      const task = { key: '', split: '', data: { expected: 4 } };
      console.log(JSON.stringify(await reward({ task, finalText: '4', signal })));`;
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--conditions=lachesis-source', '--input-type=module', '-e', script],
      { cwd: import.meta.dirname, timeout: 15_000 },
    );
    expect(JSON.parse(stdout)).toEqual(right);
  });

  it('refuses what is no file and no number', () => {
    expect(() => workerReward('https://example.org/a.js')).toThrow('a file URL or a path');
    expect(() => score({ threads: 0 })).toThrow('threads: 0 given');
  });
});

describe('threadArguments', () => {
  it('takes over how modules are resolved, and nothing else', () => {
    const given = [
      '--conditions=a',
      '-C',
      'b',
      '--expose-gc',
      '--import',
      'tsx',
      '--input-type=module',
    ];
    expect(threadArguments(given)).toEqual(['--conditions=a', '-C', 'b', '--import', 'tsx']);
  });
});
