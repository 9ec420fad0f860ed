import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { Rollout } from '../../../../src/contract/index.ts';
import {
  defineEnvironment,
  hostEnvironment,
  playGroup,
  type RewardContext,
  type WorkerReward,
  type WorkerRewardOptions,
  workerReward,
} from '../../../../src/environment/index.ts';
import { packError, unpackError } from '../../../../src/environment/reward/worker/protocol.ts';
import { RewardPool } from '../../../../src/environment/reward/worker/reward-pool.ts';
import { LachesisError } from '../../../../src/errors.ts';
import { noSandbox } from '../../../../src/tools/index.ts';
import { fakeModelServer } from '../../fake-model-server.ts';

const fixture = (name: string): URL => new URL(`./fixtures/${name}`, import.meta.url);
const hostile = (options: WorkerRewardOptions = {}) =>
  workerReward(fixture('hostile.ts'), { threads: 1, ...options });

function contextOf(state: unknown, signal = new AbortController().signal): RewardContext {
  const task = { key: 'k', split: '', data: {} };
  return {
    task,
    state,
    settings: {},
    result: {} as RewardContext['result'],
    finalText: '',
    sandbox: noSandbox,
    openSandbox: async () => noSandbox,
    signal,
  };
}

/** Plays a group, whose rollouts have one of these states each. */
async function play(
  reward: WorkerReward,
  states: readonly unknown[],
  options: { readonly rewardTimeoutMs?: number; readonly cancel?: AbortSignal } = {},
): Promise<readonly Rollout['outcome'][]> {
  const { rewardTimeoutMs, cancel } = options;
  const left = [...states];
  const environment = await hostEnvironment(
    defineEnvironment({
      name: 'hostile',
      tasks: [{ data: {} }],
      setup: () => left.shift(),
      prompt: () => 'Go.',
      reward,
      ...(rewardTimeoutMs !== undefined && { rewardTimeoutMs }),
    }),
  );
  const { rollouts } = await playGroup({
    environment,
    modelServer: fakeModelServer(() => ({ text: 'Gone.' })),
    groupId: 'g',
    groupSize: states.length,
    task: { key: 'k', split: '', data: {} },
    rolloutSignal: (id) => (id.endsWith('.0') ? cancel : undefined),
    signal: new AbortController().signal,
  });
  return rollouts.map(({ outcome }) => outcome);
}

/** Of an error or of a failure: what it is, and that its message holds what to do. */
function expectTold(failure: unknown, reason: string, message: RegExp, remedy: RegExp): void {
  expect(failure).toMatchObject({ kind: 'environment_error', reason });
  const told = failure as { readonly message: string; readonly remedy?: string };
  expect(told.message).toMatch(message);
  expect(told.remedy).toMatch(remedy);
  expect(told.message.split(told.remedy ?? '')).toHaveLength(2);
}

const shapes =
  /^Return a finite number, \{ value \}, \{ components: .* or \{ notScored: 'why' \}\.$/;

describe('a reward that does wrong leaves its rollout unscored, and the next one is scored', () => {
  it.each([
    ['NaN', 'REWARD_NOT_FINITE', /returned NaN\./, shapes],
    ['text', 'REWARD_SHAPE', /returned the text "1"\./, shapes],
    ['nothing', 'REWARD_SHAPE', /returned nothing\./, shapes],
    ['big integer', 'REWARD_SHAPE', /returned a bigint: 1\./, shapes],
    ['no component', 'REWARD_SHAPE', /A component of the reward is null\./, shapes],
    [
      'function',
      'REWARD_VALUE_NOT_CLONEABLE',
      /hostile\.ts returned what can't be sent/,
      /^Return/,
    ],
    ['inner function', 'REWARD_VALUE_NOT_CLONEABLE', /could not be cloned/, /^Return a number/],
    ['exit', 'REWARD_WORKER_DIED', /hostile\.ts died: it exited with code 0\./, /process\.exit/],
    ['throw later', 'REWARD_WORKER_DIED', /died: null\./, /timers and unawaited promises/],
    ['reject unheard', 'REWARD_WORKER_DIED', /rejecting a promise/, /unawaited promises/],
    ['spin', 'REWARD_WORKER_TIMEOUT', /took longer than 400 ms/, /raise workerReward's timeoutMs/],
    ['never', 'REWARD_WORKER_TIMEOUT', /took longer than 400 ms/, /raise workerReward's timeoutMs/],
    ['backtrack', 'REWARD_WORKER_TIMEOUT', /took longer than 400 ms/, /raise/],
  ])('%s', async (act, reason, message, remedy) => {
    await using reward = hostile({ timeoutMs: 400 });
    const [first, second] = await play(reward, [{ act }, {}]);
    expect(first).toMatchObject({ kind: 'not_scored' });
    expectTold(first?.kind === 'not_scored' && first.failure, reason, message, remedy);
    expect(second).toMatchObject({ kind: 'scored', reward: 1 });
  });

  it.each([
    ['throw null', /reward threw: null$/],
    ['throw text', /reward threw: no rubric$/],
    ['throw textless', /reward threw: a value that can't be shown$/],
  ])('%s, which is no error', async (act, message) => {
    await using reward = hostile();
    expect(await play(reward, [{ act }, {}])).toMatchObject([
      { failure: { reason: 'REWARD_THREW', message: expect.stringMatching(message) } },
      { kind: 'scored', reward: 1 },
    ]);
  });

  it('one that is sent more than its thread holds', async () => {
    await using reward = hostile({ maxOldGenerationMb: 16 });
    const text = Array.from({ length: 60 }, (_, i) => String(i % 10).repeat(1_000_000));
    const [first, second] = await play(reward, [{ text }, {}]);
    expectTold(
      first?.kind === 'not_scored' && first.failure,
      'REWARD_WORKER_OUT_OF_MEMORY',
      /needed more than 16 MB/,
      /raise workerReward's maxOldGenerationMb/,
    );
    expect(second).toMatchObject({ kind: 'scored', reward: 1 });
  });
});

describe('what a module posts to the port it shares', () => {
  it.each(['post rubbish', 'post late'])('is no answer (%s)', async (act) => {
    await using reward = hostile();
    expect(await reward(contextOf({ act }))).toBe(1);
    expect(await reward(contextOf({ act: 'slow' }))).toBe(1);
  });
});

describe('many rollouts over one thread', () => {
  it('are each scored, whatever those between them do', async () => {
    await using reward = hostile({ timeoutMs: 400 });
    const states = Array.from({ length: 24 }, (_, i) =>
      i % 8 === 3 ? { act: i < 8 ? 'spin' : 'exit' } : {},
    );
    const outcomes = await play(reward, states);
    expect(outcomes.map(({ kind }) => kind)).toEqual(
      states.map(({ act }) => (act === undefined ? 'scored' : 'not_scored')),
    );
  });

  it('go on when one of them is cancelled in the midst of its reward', async () => {
    await using reward = hostile();
    await reward(contextOf({}));
    const cancel = new AbortController();
    setTimeout(() => cancel.abort(new Error('not wanted')), 40);
    expect(await play(reward, [{ act: 'spin' }, {}, {}], { cancel: cancel.signal })).toMatchObject([
      { failure: { kind: 'cancelled' } },
      { reward: 1 },
      { reward: 1 },
    ]);
  });
});

describe('a thread in a system call that nothing can interrupt', () => {
  const poolOf = () =>
    new RewardPool({
      href: fixture('hostile.ts').href,
      threads: 1,
      timeoutMs: 100,
      loadTimeoutMs: 10_000,
      maxOldGenerationMb: 64,
      maxWaiting: 10,
      endGraceMs: 30,
    });
  const inputOf = (act: string) => {
    const { signal: _, sandbox: __, openSandbox: ___, ...input } = contextOf({ act });
    return input;
  };
  const never = new AbortController().signal;

  it('is replaced, and disposing does not wait for it', async () => {
    const pool = poolOf();
    await pool.run(inputOf(''), never);
    const start = performance.now();
    await expect(pool.run(inputOf('long blocking call'), never)).rejects.toMatchObject({
      reason: 'REWARD_WORKER_TIMEOUT',
    });
    expect(await pool.run(inputOf(''), never)).toBe(1);
    await pool[Symbol.asyncDispose]();
    expect(performance.now() - start).toBeLessThan(2_800);
  });

  it('is replaced once at a time, so that there are never more than twice the threads', async () => {
    const pool = poolOf();
    await pool.run(inputOf(''), never);
    const start = performance.now();
    for (let i = 0; i < 2; i++) {
      await expect(pool.run(inputOf('blocking call'), never)).rejects.toMatchObject({
        reason: 'REWARD_WORKER_TIMEOUT',
      });
    }
    expect(await pool.run(inputOf(''), never)).toBe(1);
    expect(performance.now() - start).toBeGreaterThan(1_100);
    await pool[Symbol.asyncDispose]();
  });
});

describe('a module that can not be loaded says what to do', () => {
  it.each([
    ['nowhere.ts', 'REWARD_MODULE_LOAD', /Cannot find/, /no such file\. .*import\.meta\.url/],
    ['missing-import.ts', 'REWARD_MODULE_LOAD', /no-such-package/, /and what it imports/],
    ['throwing-load.ts', 'REWARD_MODULE_LOAD', /be loaded: undefined\./, /when it is imported/],
    ['object-default.ts', 'REWARD_MODULE_LOAD', /no function/, /^Write: export default \(\{ task/],
    ['exiting-load.ts', 'REWARD_WORKER_DIED', /exited with code 0/, /Take process\.exit\(\) out/],
    ['endless-load.ts', 'REWARD_MODULE_LOAD_TIMEOUT', /within 400 ms/, /raise .*loadTimeoutMs/],
    ['spinning-load.ts', 'REWARD_MODULE_LOAD_TIMEOUT', /within 400 ms/, /Look for a loop/],
  ])('%s', async (name, reason, message, remedy) => {
    await using reward = workerReward(fixture(name), { threads: 1, loadTimeoutMs: 400 });
    const error = await reward(contextOf({})).catch((thrown: unknown) => thrown);
    expectTold(error, reason, message, remedy);
    expect((error as Error).message).toContain(name);
  });

  it('is tried again when it could be loaded before', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'lachesis-reward-'));
    const away = path.join(folder, 'away');
    const file = path.join(folder, 'score.mjs');
    writeFileSync(
      file,
      `import { existsSync } from 'node:fs';
      if (existsSync(${JSON.stringify(away)})) throw new Error('the share is away');
      export default ({ state }) => (state === 'exit' ? process.exit(1) : 1);`,
    );
    await using reward = workerReward(pathToFileURL(file), { threads: 1 });
    expect(await reward(contextOf(''))).toBe(1);
    await expect(reward(contextOf('exit'))).rejects.toMatchObject({ reason: 'REWARD_WORKER_DIED' });
    writeFileSync(away, '');
    await expect(reward(contextOf(''))).rejects.toThrow('the share is away');
    rmSync(away);
    expect(existsSync(file)).toBe(true);
    expect(await reward(contextOf(''))).toBe(1);
  });
});

describe('a module by its path', () => {
  it('is taken from the working directory', async () => {
    const given = path.relative(process.cwd(), new URL(fixture('hostile.ts')).pathname);
    await using reward = workerReward(given, { threads: 1 });
    expect(await reward(contextOf({}))).toBe(1);
  });

  it.each([
    ['https://example.org/a.js'],
    ['file://elsewhere/a.js'],
    ['file:///a%2Fb.js'],
    ['data:text/javascript,export default () => 1'],
    [undefined as never],
  ])('is refused when it is none: %s', (module) => {
    expect(() => workerReward(module)).toThrow('a file URL or a path is needed');
  });

  it('needs a heap that a thread can start with', () => {
    expect(() => hostile({ maxOldGenerationMb: 8 })).toThrow('maxOldGenerationMb: 8 given');
  });
});

it('the part that can not be copied is found at once, also where every part points to all others', async () => {
  await using reward = hostile();
  const root: { nodes: object[]; last?: () => void } = { nodes: [] };
  root.nodes = Array.from({ length: 20_000 }, () => ({ root }));
  root.last = () => {};
  const start = performance.now();
  await expect(reward(contextOf(root))).rejects.toMatchObject({ field: 'state.last' });
  await expect(reward(contextOf({ a: new Proxy({}, {}) }))).rejects.toThrow('state.a can');
  await expect(reward(contextOf({ a: new WeakMap() }))).rejects.toThrow('state.a can');
  expect(performance.now() - start).toBeLessThan(2_000);
});

it('a typed error keeps its remedy, once, and a long one is clipped', () => {
  const fields = { reason: 'RUNNER', remedy: 'Start it.', metadata: { host: 'a' } };
  const given = new LachesisError('infrastructure_error', 'The runner is gone.', fields);
  const error = unpackError(structuredClone(packError(given)));
  expect(error).toMatchObject({ kind: 'infrastructure_error', ...fields });
  expect(error.message).toBe('The runner is gone. Start it.');
  expect(packError('x'.repeat(100_000)).message.length).toBeLessThanOrEqual(8_000);
});
