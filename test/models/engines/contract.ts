import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Engine, EngineRequest, HttpEngineOptions } from '../../../src/models/index.ts';
import { checkGeneration } from '../../../src/models/managed/check-generation.ts';
import type { FakeEngine } from '../../support/engines/script.ts';

export const live = new AbortController().signal;

export const request = (more: Partial<EngineRequest> = {}): EngineRequest => ({
  requestId: 'r/0',
  promptTokenIds: Int32Array.of(5, 6, 7, 8),
  sampling: { maxTokens: 8, stopTokenIds: [2] },
  ...more,
});

export interface EngineContract {
  readonly start: () => Promise<FakeEngine>;
  readonly create: (options: HttpEngineOptions) => Engine;
  /** What it does not do, by its kind. Default: it does all. */
  readonly lacks?: readonly ('abort' | 'generate_many' | 'health' | 'pinned_version')[];
}

/** A fake and an engine over it, given back at the end of the test; nothing that was sent may be amiss. */
export function overFake(contract: EngineContract, more: Partial<HttpEngineOptions> = {}) {
  const held = {} as { fake: FakeEngine; engine: Engine };
  beforeEach(async () => {
    held.fake = await contract.start();
    held.engine = contract.create({ url: held.fake.url, vocabularySize: 100, ...options(more) });
  });
  afterEach(async () => {
    await held.engine.close();
    await held.fake[Symbol.asyncDispose]();
    expect(held.fake.problems).toEqual([]);
  });
  return held;
}

const options = (more: Partial<HttpEngineOptions>): Partial<HttpEngineOptions> => ({
  retries: { pauseMs: 1 },
  ...more,
});

const rules = { vocabularySize: 100, logprobsRequired: true };

/** What every engine over HTTP does. */
export function engineContract(name: string, contract: EngineContract): void {
  // What an engine has not is no test of it, and none that is skipped.
  const where =
    (trait: NonNullable<EngineContract['lacks']>[number]) =>
    (title: string, run: () => Promise<void>): void => {
      if (contract.lacks?.includes(trait) !== true) test(title, run);
    };
  describe(`${name}: what every engine does`, () => {
    const held = overFake(contract);
    const thrown = (more: Partial<EngineRequest> = {}) =>
      held.engine.generate(request(more), { signal: live }).catch((error: unknown) => error);

    test('gives the very ids and logprobs that were sampled, the stop token included', async () => {
      const made = await held.engine.generate(request(), { signal: live });
      expect(made.tokenIds).toEqual(Int32Array.of(11, 12, 2));
      expect(made.logprobs).toHaveLength(3);
      [-0.5, -0.25, -0.125].forEach((logprob, at) => {
        expect(made.logprobs![at]).toBeCloseTo(logprob, 6);
      });
      expect(made.finish).toBe('stop');
      expect(made.failure).toBeUndefined();
      expect(made.prompt?.tokens).toBe(4);
      expect(() => checkGeneration(made, rules)).not.toThrow();
    });

    test('a length stop is one', async () => {
      held.fake.script.ids = [11, 12, 13, 14, 15, 16, 17, 18];
      held.fake.script.logprobs = Array.from({ length: 8 }, () => -1);
      held.fake.script.finish = 'length';
      expect((await held.engine.generate(request(), { signal: live })).finish).toBe('length');
    });

    where('generate_many')('n continuations of a prompt are n generations', async () => {
      const made = await held.engine.generateMany!({ ...request(), n: 3 }, { signal: live });
      expect(made.map(({ tokenIds }) => [...tokenIds])).toEqual([
        [11, 12, 2],
        [11, 12, 2],
        [11, 12, 2],
      ]);
    });

    where('health')('describes itself and is healthy', async () => {
      expect(await held.engine.describe()).toMatchObject({ vocabularySize: 100 });
      await held.engine.health!({ signal: live });
    });

    test.each([429, 503, 502, 408])('a %i is asked again', async (status) => {
      held.fake.fault({ status, headers: { 'retry-after-ms': '2' } });
      const made = await held.engine.generate(request(), { signal: live });
      expect(made.tokenIds).toHaveLength(3);
      expect(held.fake.sampled).toHaveLength(2);
    });

    test.each([
      [400, 'model_error', 'ENGINE_REQUEST_REFUSED'],
      [404, 'model_error', 'ENGINE_REQUEST_REFUSED'],
      [500, 'infrastructure_error', 'ENGINE_UNAVAILABLE'],
    ])('a %i is not asked again', async (status, kind, reason) => {
      held.fake.fault({ status, raw: JSON.stringify({ error: { message: 'no luck' } }) });
      expect(await thrown()).toMatchObject({ kind, reason, message: /no luck/ });
      expect(held.fake.sampled).toHaveLength(1);
    });

    test('a 429 with a long retry-after is handed to the caller', async () => {
      held.fake.fault({ status: 429, headers: { 'retry-after': '60' } });
      expect(await thrown()).toMatchObject({ reason: 'ENGINE_BUSY', retryAfterMs: 60_000 });
      expect(held.fake.sampled).toHaveLength(1);
    });

    test('a prompt that does not fit is a context overflow', async () => {
      const message = "This model's maximum context length is 512 tokens.";
      held.fake.fault({ status: 400, raw: JSON.stringify({ error: { message } }) });
      expect(await thrown()).toMatchObject({ reason: 'CONTEXT_OVERFLOW' });
    });

    test('a connection that closes before the answer is asked again', async () => {
      held.fake.fault({ reset: true });
      expect((await held.engine.generate(request(), { signal: live })).tokenIds).toHaveLength(3);
      expect(held.fake.sampled).toHaveLength(2);
    });

    test('an answer that breaks off is typed, and never sampled again', async () => {
      held.fake.fault({ cut: true });
      expect(await thrown()).toMatchObject({
        kind: 'infrastructure_error',
        reason: 'ENGINE_REPLY_CUT_OFF',
      });
      expect(held.fake.sampled).toHaveLength(1);
    });

    test('an answer that is no JSON is typed', async () => {
      held.fake.fault({ raw: '<html>gateway</html>' });
      expect(await thrown()).toMatchObject({ kind: 'model_error', reason: 'BAD_ENGINE_REPLY' });
      held.fake.fault({ raw: '{"logprobs": NaN}' });
      expect(await thrown()).toMatchObject({ kind: 'model_error', reason: 'BAD_ENGINE_REPLY' });
    });

    test.each(['[]', '{}', '{"choices": 1, "meta_info": 2, "tokens": "x", "completion_ids": {}}'])(
      'an answer of another shape is typed: %s',
      async (raw) => {
        held.fake.fault({ raw });
        expect(await thrown()).toMatchObject({ kind: 'model_error', reason: 'BAD_ENGINE_REPLY' });
      },
    );

    where('abort')('an abort closes the connection, so that the engine stops', async () => {
      const controller = new AbortController();
      held.fake.fault({ hang: true });
      const call = held.engine.generate(request(), { signal: controller.signal });
      await expect.poll(() => held.fake.sampled.length).toBe(1);
      controller.abort(new Error('enough'));
      expect(await call).toMatchObject({ finish: 'abort', versions: [] });
      await held.fake.sampled[0]!.clientGone;
    });

    test('a missing logprob stays missing, and is refused', async () => {
      held.fake.script.logprobs = [-0.5, null, -0.125];
      const made = await held.engine.generate(request(), { signal: live });
      expect(made.logprobs![1]).toBeNaN();
      expect(() => checkGeneration(made, rules)).toThrow(
        expect.objectContaining({ reason: 'LOGPROBS_NOT_FINITE' }),
      );
    });

    test('no logprobs at all are refused', async () => {
      held.fake.script.logprobs = undefined;
      const error = await held.engine
        .generate(request(), { signal: live })
        .then((made) => checkGeneration(made, rules))
        .catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ kind: 'model_error', reason: 'LOGPROBS_MISSING' });
    });

    test('too few logprobs are refused, and never padded', async () => {
      held.fake.script.logprobs = [-0.5, -0.25];
      const error = await held.engine
        .generate(request(), { signal: live })
        .then((made) => checkGeneration(made, rules))
        .catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({
        kind: 'model_error',
        reason: /^LOGPROBS_(LENGTH|NOT_FINITE)$/,
      });
    });

    test('an id outside the vocabulary is refused', async () => {
      held.fake.script.ids = [11, 100, 2];
      const made = await held.engine.generate(request(), { signal: live });
      expect(() => checkGeneration(made, rules)).toThrow(
        expect.objectContaining({ reason: 'TOKEN_OUT_OF_VOCABULARY' }),
      );
    });

    test('a dropped stop token stays dropped', async () => {
      held.fake.script.ids = [11, 12];
      held.fake.script.logprobs = [-0.5, -0.25];
      const made = await held.engine.generate(request(), { signal: live });
      expect([...made.tokenIds]).toEqual([11, 12]);
      expect(made.finish).toBe('stop');
    });

    where('pinned_version')('a version that nobody reports can not be held', async () => {
      const made = await held.engine.generate(request({ pinnedVersion: 3 }), { signal: live });
      expect(made.failure).toMatchObject({ reason: 'VERSION_NOT_HELD' });
      expect(made.tokenIds).toHaveLength(3);
    });

    test('after its close it takes no calls', async () => {
      await held.engine.close();
      expect(await thrown()).toMatchObject({ reason: 'ENGINE_CLOSED' });
      expect(held.fake.sampled).toHaveLength(0);
    });
  });

  describe(`${name}: its options`, () => {
    const held = overFake(contract, {
      timeoutMs: 250,
      apiKey: 'sk-hidden',
      affinityHeader: 'x-session',
      maxResponseBytes: 2_000,
    });

    test('a call that takes too long is given up, and its connection closed', async () => {
      held.fake.fault({ hang: true });
      await expect(held.engine.generate(request(), { signal: live })).rejects.toMatchObject({
        kind: 'infrastructure_error',
        reason: 'MODEL_TIMEOUT',
      });
      await held.fake.sampled[0]!.clientGone;
    });

    test('the session key travels, and the key opens doors but is never said', async () => {
      await held.engine.generate(request({ sessionKey: 'rollout-9' }), { signal: live });
      const { headers } = held.fake.sampled[0]!;
      expect(headers['x-session']).toBe('rollout-9');
      expect(headers.authorization).toBe('Bearer sk-hidden');
      held.fake.fault({ status: 401, raw: JSON.stringify({ error: 'bad key sk-hidden' }) });
      const error = await held.engine
        .generate(request(), { signal: live })
        .catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ reason: 'ENGINE_REQUEST_REFUSED' });
      expect(String(error)).toContain('***');
      expect(String(error)).not.toContain('sk-hidden');
    });

    test('an answer larger than the bound is refused', async () => {
      held.fake.fault({ raw: JSON.stringify({ text: 'x'.repeat(4_000) }) });
      await expect(held.engine.generate(request(), { signal: live })).rejects.toMatchObject({
        reason: 'ENGINE_REPLY_TOO_LARGE',
      });
    });
  });
}
