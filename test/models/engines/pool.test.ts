import { describe, expect, test } from 'vitest';
import { unreached } from '../../../src/models/engines/http-errors.ts';
import { probeEngine } from '../../../src/models/engines/probe.ts';
import {
  createEnginePool,
  createScriptedEngine,
  type Engine,
  type EngineDescription,
  type EnginePoolOptions,
  generateMany,
  type ScriptedEngine,
  type ScriptedReply,
} from '../../../src/models/index.ts';
import { manualClock } from '../../support/manual-clock.ts';
import { live, request } from './contract.ts';

const down = () => unreached('vLLM', 'http://127.0.0.1:1', new Error('ECONNREFUSED'));

/** Engines that answer with their own number. */
function pool(
  count: number,
  options: Partial<EnginePoolOptions> & {
    readonly size?: number;
    readonly reply?: (engine: number) => ScriptedReply;
  } = {},
) {
  const { size = 2, reply = () => ({}), ...rest } = options;
  const engines: ScriptedEngine[] = Array.from({ length: count }, (_, index) =>
    createScriptedEngine({ replies: () => ({ tokenIds: [index], ...reply(index) }) }),
  );
  const made = createEnginePool({
    engines: engines.map((engine) => ({ engine, maxConcurrency: size })),
    ...rest,
  });
  const by = async (sessionKey?: string, more = {}) =>
    (
      await made.generate(request({ ...(sessionKey !== undefined && { sessionKey }), ...more }), {
        signal: live,
      })
    ).tokenIds[0];
  return { engines, pool: made, by };
}

describe('an engine pool', () => {
  test('gives a call to the engine with the smallest share of places taken', async () => {
    const wait = Promise.withResolvers<void>();
    const { by, pool: made } = pool(2, { reply: () => ({ after: wait.promise }) });
    const calls = [by(), by(), by()];
    await expect.poll(() => made.states().map(({ held }) => held)).toEqual([2, 1]);
    wait.resolve();
    expect(await Promise.all(calls)).toEqual([0, 1, 0]);
  });

  test('keeps a session where its prefix is warm, while that has a free place', async () => {
    const wait = Promise.withResolvers<void>();
    const { by } = pool(2, { size: 1 });
    expect(await by('a')).toBe(0);
    expect([await by('a'), await by('a')]).toEqual([0, 0]);
    const busy = pool(2, {
      size: 1,
      reply: (index) => (index === 0 ? { after: wait.promise } : {}),
    });
    const first = busy.by('a');
    expect(await busy.by('a')).toBe(1);
    expect(await busy.by('a')).toBe(1);
    wait.resolve();
    expect(await first).toBe(0);
  });

  test('bounds what an engine takes at once, and what waits', async () => {
    const wait = Promise.withResolvers<void>();
    const { by, engines } = pool(1, {
      size: 1,
      maxWaiting: 1,
      reply: () => ({ after: wait.promise }),
    });
    const calls = [by(), by()];
    await expect(by()).rejects.toMatchObject({
      kind: 'resource_exhausted',
      reason: 'POOL_QUEUE_FULL',
      retryAfterMs: 1_000,
    });
    expect(engines[0]!.calls).toHaveLength(1);
    wait.resolve();
    expect(await Promise.all(calls)).toEqual([0, 0]);
  });

  test('an abort ends the wait for a place, and gives it up', async () => {
    const wait = Promise.withResolvers<void>();
    const { by, pool: made } = pool(1, {
      size: 1,
      maxWaiting: 1,
      reply: () => ({ after: wait.promise }),
    });
    const first = by();
    const controller = new AbortController();
    const second = made.generate(request(), { signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(second).rejects.toThrow('enough');
    const third = by();
    wait.resolve();
    expect(await Promise.all([first, third])).toEqual([0, 0]);
  });

  test('a call that reached no engine is played on another one', async () => {
    const { by, engines } = pool(2, { reply: (index) => (index === 0 ? { error: down() } : {}) });
    expect(await by('a')).toBe(1);
    expect(engines.map(({ calls }) => calls.length)).toEqual([1, 1]);
  });

  test('what an engine sampled before it broke is never played again', async () => {
    const { pool: made, engines } = pool(2, {
      reply: () => ({ tokenIds: [5, 6], error: down(), sampledBeforeError: 1 }),
    });
    const generation = await made.generate(request(), { signal: live });
    expect([...generation.tokenIds]).toEqual([5]);
    expect(generation.failure).toMatchObject({ reason: 'ENGINE_UNREACHABLE' });
    expect(engines.map(({ calls }) => calls.length)).toEqual([1, 0]);
  });

  test('an engine that fails is taken out, asked now and then, and taken back', async () => {
    const clock = manualClock();
    const state = { ill: true, asked: 0 };
    const ill = createScriptedEngine({
      replies: () => (state.ill ? { error: down() } : { tokenIds: [0] }),
    });
    const made = createEnginePool({
      engines: [
        {
          name: 'ill',
          engine: {
            ...ill,
            health: async () => {
              state.asked += 1;
              if (state.ill) throw new Error('still ill');
            },
          },
        },
        { name: 'well', engine: createScriptedEngine({ replies: () => ({ tokenIds: [1] }) }) },
      ],
      checkEveryMs: 1_000,
      clock,
    });
    const by = async () => (await made.generate(request(), { signal: live })).tokenIds[0];
    expect([await by(), await by(), await by()]).toEqual([1, 1, 1]);
    expect(ill.calls).toHaveLength(2);
    expect(made.states()[0]).toMatchObject({ name: 'ill', ailment: /ECONNREFUSED/ });
    await clock.advance(1_000);
    expect(state.asked).toBe(1);
    expect(made.states()[0]!.ailment).toBe('still ill');
    state.ill = false;
    await clock.advance(1_000);
    expect(made.states()[0]!.ailment).toBeUndefined();
    expect(await by()).toBe(0);
    expect(clock.pending).toBe(0);
    await made.close();
  });

  test('when all are out, callers and those who wait are told at once', async () => {
    const { by, pool: made } = pool(1, {
      size: 1,
      failuresUntilOut: 1,
      reply: () => ({ error: down() }),
    });
    const [first, second] = await Promise.allSettled([by(), by()]);
    expect(first).toMatchObject({ reason: { reason: 'ENGINE_UNREACHABLE' } });
    expect(second).toMatchObject({ reason: { reason: 'ENGINES_OUT' } });
    await expect(by()).rejects.toMatchObject({
      kind: 'infrastructure_error',
      reason: 'ENGINES_OUT',
    });
    await made.close();
  });

  test('a share of the engines is for evaluation alone', async () => {
    const { by } = pool(4, { evaluationShare: 0.25 });
    expect(await Promise.all([by(), by(), by()])).toEqual([0, 1, 2]);
    expect(await Promise.all([1, 2].map(() => by(undefined, { purpose: 'evaluation' })))).toEqual([
      3, 3,
    ]);
    const only = createEnginePool({
      engines: [{ engine: createScriptedEngine({ replies: [] }), purposes: ['train'] }],
    });
    await expect(
      only.generate(request({ purpose: 'evaluation' }), { signal: live }),
    ).rejects.toMatchObject({ reason: 'NO_ENGINE_FOR_PURPOSE' });
  });

  test('engines of different tokenizers are no pool', async () => {
    const engine = (tokenizerSha256: string) =>
      createScriptedEngine({
        replies: [],
        description: { rendering: { tokenizerSha256, templateSha256: '' }, vocabularySize: 7 },
      });
    const differ = createEnginePool({
      engines: [{ engine: engine('a') }, { engine: engine('b') }],
    });
    await expect(differ.describe()).rejects.toMatchObject({ reason: 'ENGINES_DIFFER' });
    const same = createEnginePool({ engines: [{ engine: engine('a') }, { engine: engine('') }] });
    expect(await same.describe()).toMatchObject({
      vocabularySize: 7,
      rendering: { tokenizerSha256: 'a' },
    });
  });

  test('continuations of one prompt have seeds of their own', async () => {
    const { pool: made, engines } = pool(1);
    await generateMany(made, { ...request({ sampling: { seed: 5 } }), n: 2 }, { signal: live });
    expect(engines[0]!.calls.map(({ request: { sampling } }) => sampling.seed)).toEqual([5, 6]);
  });

  test('its close closes the engines, and refuses who waits', async () => {
    const wait = Promise.withResolvers<void>();
    const { by, pool: made } = pool(1, { size: 1, reply: () => ({ after: wait.promise }) });
    const first = by();
    const second = by();
    await made.close();
    await expect(second).rejects.toMatchObject({ reason: 'ENGINE_CLOSED' });
    await expect(by()).rejects.toMatchObject({ reason: 'ENGINE_CLOSED' });
    wait.resolve();
    await first;
  });
});

describe('a pool of which an engine does not answer', () => {
  /** Engines, of which some are down until they are told otherwise. */
  function start(isDown: boolean[], described: Partial<EngineDescription>[] = []) {
    const clock = manualClock();
    const scripted = isDown.map((_, index) =>
      createScriptedEngine({
        replies: () => ({ tokenIds: [index] }),
        ...(described[index] !== undefined && { description: described[index] }),
      }),
    );
    const engines = scripted.map((engine, index): Engine => {
      const up = async () => {
        if (isDown[index]) throw down();
      };
      return {
        ...engine,
        describe: async (options) => up().then(() => engine.describe(options)),
        generate: async (...call) => up().then(() => engine.generate(...call)),
        health: up,
      };
    });
    const made = createEnginePool({ engines: engines.map((engine) => ({ engine })), clock });
    const by = async () => (await made.generate(request(), { signal: live })).tokenIds[0];
    const ailments = () => made.states().map(({ ailment }) => ailment);
    return { clock, made, by, ailments };
  }

  test('begins with the others, and takes it when it is there', async () => {
    const isDown = [true, false];
    const { clock, made, by, ailments } = start(isDown);
    expect(await made.describe()).toMatchObject({ model: 'scripted' });
    expect(ailments()).toEqual([expect.stringContaining("can't be reached"), undefined]);
    expect([await by(), await by()]).toEqual([1, 1]);
    isDown[0] = false;
    await clock.advance(5_000);
    await expect.poll(ailments).toEqual([undefined, undefined]);
    expect(await by()).toBe(0);
    await made.close();
  });

  test('fails only when none answers, with what one of them says', async () => {
    const { made } = start([true, true]);
    await expect(made.describe()).rejects.toMatchObject({ reason: 'ENGINE_UNREACHABLE' });
    await made.close();
  });

  test.each<[string, Partial<EngineDescription>]>([
    ['another tokenizer', { rendering: { tokenizerSha256: 'bb', templateSha256: '' } }],
    ['fewer ids', { vocabularySize: 10 }],
    ['raw logprobs', { logprobMode: 'raw' }],
    ['another model', { model: 'other' }],
  ])('keeps it out when it comes with %s', async (_, other) => {
    const isDown = [true, false];
    const rendering = { tokenizerSha256: 'aa', templateSha256: '' };
    const { clock, made, by, ailments } = start(isDown, [other, { rendering }]);
    await made.describe();
    isDown[0] = false;
    await clock.advance(5_000);
    await expect
      .poll(ailments)
      .toEqual([expect.stringMatching(/differ in tokenizerSha256|its \w+ is|"other"/), undefined]);
    expect([await by(), await by()]).toEqual([1, 1]);
    await made.close();
  });

  test('is probed as what its route declares of itself, and no better', async () => {
    const up = createScriptedEngine({ replies: () => ({ tokenIds: [1, 2] }) });
    const dead: Engine = {
      ...createScriptedEngine({ replies: [] }),
      generate: async () => {
        throw down();
      },
    };
    const options = { promptTokenIds: Int32Array.of(1, 2, 3), signal: live };
    const made = createEnginePool({ engines: [{ engine: up }, { engine: dead }] });
    const probe = await probeEngine(made, options);
    expect(probe).toMatchObject({ tier: 'text', logprobMode: 'unknown' });
    expect(probe.findings.at(-1)!.detail).toMatch(/engine 1: it is out: .*can't be reached/);
    const both = createEnginePool({ engines: [{ engine: dead }, { engine: dead }] });
    await expect(probeEngine(both, options)).rejects.toMatchObject({
      reason: 'ENGINE_UNREACHABLE',
    });
  });
});
