import { describe, expect, test } from 'vitest';
import {
  createCompletionsEngine,
  createVllmCompletionsEngine,
  createVllmEngine,
} from '../../../src/models/index.ts';
import { startCompletionsFake } from '../../support/engines/completions-fake.ts';
import { startVllmFake } from '../../support/engines/vllm-fake.ts';
import { engineContract, live, overFake, request } from './contract.ts';

engineContract('vLLM, token route', { start: startVllmFake, create: createVllmEngine });
engineContract('vLLM, older logprobs', {
  start: () => startVllmFake({ dialect: 'chat' }),
  create: createVllmEngine,
});
engineContract('vLLM, completions', {
  start: startVllmFake,
  create: createVllmCompletionsEngine,
});

engineContract('plain completions', {
  start: startCompletionsFake,
  create: createCompletionsEngine,
});

describe('vLLM', () => {
  const held = overFake({ start: startVllmFake, create: createVllmEngine });

  test('names every filter, so that no default of the model cuts the distribution', async () => {
    await held.engine.generate(request(), { signal: live });
    const { sampling_params, token_ids, request_id } = held.fake.sampled[0]!.body;
    expect(sampling_params).toEqual({
      temperature: 1,
      top_p: 1,
      top_k: 0,
      min_p: 0,
      repetition_penalty: 1,
      max_tokens: 8,
      stop_token_ids: [2],
      skip_special_tokens: false,
      spaces_between_special_tokens: false,
      n: 1,
      logprobs: 0,
    });
    expect(token_ids).toEqual([5, 6, 7, 8]);
    expect(request_id).toBe('r/0');
  });

  test('extra fields reach it, and override nothing of ours', async () => {
    const sampling = { maxTokens: 8, temperature: 0.5, extra: { min_p: 0.1, temperature: 9 } };
    await held.engine.generate(request({ sampling }), { signal: live });
    expect(held.fake.sampled[0]!.body.sampling_params).toMatchObject({
      min_p: 0.1,
      temperature: 0.5,
    });
  });

  test('reads its model, context and weight version', async () => {
    expect(await held.engine.describe()).toMatchObject({
      model: 'org/model',
      contextLength: 512,
      policyVersion: 7,
      logprobMode: 'unknown',
    });
  });

  test('versions come as runs over the tokens', async () => {
    held.fake.script.versions = [
      { version: '7', start: 0, end: 2 },
      { version: '8', start: 2, end: 3 },
    ];
    const made = await held.engine.generate(request({ pinnedVersion: 7 }), { signal: live });
    expect(made.versions).toEqual([
      { length: 2, version: 7 },
      { length: 1, version: 8 },
    ]);
    expect(made.failure).toMatchObject({ reason: 'VERSION_NOT_HELD', message: /version 8, not 7/ });
  });

  test('a weight label that is no counter is no version', async () => {
    held.fake.script.versions = [{ version: 'default', start: 0, end: 3 }];
    expect((await held.engine.generate(request(), { signal: live })).versions).toEqual([]);
  });

  test('spans with a gap tile nothing', async () => {
    held.fake.script.versions = [
      { version: '7', start: 0, end: 1 },
      { version: '8', start: 2, end: 3 },
    ];
    const { versions } = await held.engine.generate(request(), { signal: live });
    expect(versions.reduce((sum, { length }) => sum + length, 0)).not.toBe(3);
  });

  test('its stand-in for minus infinity is no logprob', async () => {
    held.fake.script.logprobs = [-0.5, -9999, -0.125];
    expect((await held.engine.generate(request(), { signal: live })).logprobs![1]).toBeNaN();
  });

  test('scores ids, with the likeliest at each position', async () => {
    const ids = Int32Array.of(5, 6, 7);
    const scored = await held.engine.score!(ids, { signal: live });
    expect([...scored].map((value) => value.toFixed(2))).toEqual(['-0.10', '-0.20']);
    const top = await held.engine.scoreTopK!(ids, { k: 2, signal: live });
    expect([...top.topIds]).toEqual([7, 6, 8, 7]);
    expect(top.topLogprobs[0]).toBeCloseTo(-0.05, 6);
    expect(top.topLogprobs[1]).toBeCloseTo(-0.1, 6);
    expect(top.logprobs).toEqual(scored);
  });

  test('tokenizes a text by its own tokenizer', async () => {
    expect(await held.engine.tokenize!('ab', { signal: live })).toEqual(Int32Array.of(97, 98));
  });

  test('says what a call without an answer is', async () => {
    const gone = createVllmEngine({
      url: 'http://someone:secret@127.0.0.1:1',
      vocabularySize: 100,
      retries: { perCall: 0 },
    });
    const error = await gone
      .generate(request(), { signal: live })
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ reason: 'ENGINE_UNREACHABLE', kind: 'infrastructure_error' });
    expect(String(error)).not.toMatch(/secret|someone/);
    await gone.close();
    expect(() => createVllmEngine({ url: 'ftp://a:secret@b', vocabularySize: 100 })).toThrow(
      expect.not.stringContaining('secret'),
    );
  });
});

describe('vLLM without its control plane', () => {
  const held = overFake({
    start: () => startVllmFake({ controlPlane: false }),
    create: createVllmEngine,
  });

  test('has no weight version to read, and is described all the same', async () => {
    expect(await held.engine.describe()).toMatchObject({
      model: 'org/model',
      policyVersion: undefined,
    });
  });
});

describe('vLLM by completions', () => {
  const held = overFake({ start: startVllmFake, create: createVllmCompletionsEngine });

  test('sends ids, a limit and the session, and no special tokens are added', async () => {
    await held.engine.generate(request({ sessionKey: 'rollout-9' }), { signal: live });
    expect(held.fake.sampled[0]!.body).toMatchObject({
      prompt: [5, 6, 7, 8],
      max_tokens: 8,
      logprobs: 0,
      add_special_tokens: false,
      return_token_ids: true,
      session_id: 'rollout-9',
    });
  });

  test('says that a limit is needed, since 16 is nobody’s wish', async () => {
    await expect(
      held.engine.generate(request({ sampling: {} }), { signal: live }),
    ).rejects.toMatchObject({ reason: 'MAX_TOKENS_MISSING' });
    expect(held.fake.sampled).toHaveLength(0);
  });

  test('scores by the same route', async () => {
    const top = await held.engine.scoreTopK!(Int32Array.of(5, 6, 7), { k: 1, signal: live });
    expect([...top.topIds]).toEqual([7, 8]);
    expect(top.logprobs[1]).toBeCloseTo(-0.2, 6);
  });
});

describe('a completions server that gives text only', () => {
  test('is refused, since text is no id', async () => {
    await using fake = await startVllmFake();
    const engine = createCompletionsEngine({ url: fake.url, vocabularySize: 100 });
    fake.fault({
      raw: JSON.stringify({
        choices: [
          { index: 0, text: 'hi', finish_reason: 'stop', logprobs: { tokens: ['h', 'i'] } },
        ],
      }),
    });
    await expect(engine.generate(request(), { signal: live })).rejects.toMatchObject({
      reason: 'TOKEN_IDS_MISSING',
      message: /--openai-url/,
    });
    fake.fault({
      raw: JSON.stringify({
        choices: [
          {
            index: 0,
            text: 'hi',
            finish_reason: 'stop',
            logprobs: { tokens: ['token_id:11', 'token_id:2'], token_logprobs: [-1, -0.5] },
          },
        ],
      }),
    });
    expect(await engine.generate(request(), { signal: live })).toMatchObject({
      tokenIds: Int32Array.of(11, 2),
      logprobs: Float32Array.of(-1, -0.5),
    });
    await engine.close();
  });
});

describe('vLLM, streamed', () => {
  const create = (options: Parameters<typeof createVllmEngine>[0]) =>
    createVllmEngine({ ...options, stream: true });

  test('joins the events', async () => {
    await using fake = await startVllmFake();
    fake.script.versions = [{ version: '7', start: 0, end: 3 }];
    const engine = create({ url: fake.url, vocabularySize: 100 });
    expect(await engine.generate(request(), { signal: live })).toEqual({
      tokenIds: Int32Array.of(11, 12, 2),
      logprobs: Float32Array.of(-0.5, -0.25, -0.125),
      finish: 'stop',
      versions: [{ length: 3, version: 7 }],
    });
    await engine.close();
    expect(fake.problems).toEqual([]);
  });

  test('an abort keeps what had been sampled', async () => {
    await using fake = await startVllmFake({ stallsAfter: 2 });
    const engine = create({ url: fake.url, vocabularySize: 100 });
    const controller = new AbortController();
    const call = engine.generate(request(), { signal: controller.signal });
    await expect.poll(() => fake.sampled.length).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 50));
    controller.abort();
    expect(await call).toMatchObject({
      tokenIds: Int32Array.of(11, 12),
      logprobs: Float32Array.of(-0.5, -0.25),
      finish: 'abort',
    });
    await fake.sampled[0]!.clientGone;
    await engine.close();
  });

  test('a stream that breaks keeps what had been sampled, with the failure', async () => {
    await using fake = await startVllmFake({ breaksAfter: 2 });
    const engine = create({ url: fake.url, vocabularySize: 100 });
    const made = await engine.generate(request(), { signal: live });
    expect([...made.tokenIds]).toEqual([11, 12]);
    expect(made.failure).toMatchObject({ reason: 'ENGINE_REPLY_CUT_OFF' });
    expect(fake.sampled).toHaveLength(1);
    await engine.close();
  });
});

describe.each([
  ['the token route', createVllmEngine],
  ['completions', createVllmCompletionsEngine],
] as const)('several continuations by %s', (_, create) => {
  const choice = (index: unknown, ids: readonly number[]) => ({
    index,
    token_ids: ids,
    finish_reason: 'length',
    logprobs: {
      content: ids.map((id) => ({ token_id: id, logprob: -1 })),
      token_logprobs: ids.map(() => -1),
    },
  });
  async function asked(choices: readonly unknown[]) {
    await using fake = await startVllmFake();
    const engine = create({ url: fake.url, vocabularySize: 100 });
    fake.fault({ raw: JSON.stringify({ choices }) });
    const made = await engine.generateMany!({ ...request(), n: 2 }, { signal: live }).catch(
      (thrown: unknown) => thrown,
    );
    await engine.close();
    return made;
  }

  test('are in the order of their index', async () => {
    expect(await asked([choice(1, [6]), choice(0, [5])])).toMatchObject([
      { tokenIds: Int32Array.of(5) },
      { tokenIds: Int32Array.of(6) },
    ]);
  });

  test.each<[string, readonly unknown[], string]>([
    ['an index twice', [choice(0, [5]), choice(0, [6])], 'choices[1].index'],
    ['none', [choice(undefined, [5]), choice(1, [6])], 'choices[0].index'],
    ['one of no continuation', [choice(0, [5]), choice(2, [6])], 'choices[1].index'],
    ['a word', [choice(0, [5]), choice('1', [6])], 'choices[1].index'],
    ['too few', [choice(0, [5])], 'choices'],
    ['too many', [choice(0, [5]), choice(1, [6]), choice(2, [7])], 'choices'],
  ])('are refused with %s', async (_, choices, field) => {
    expect(await asked(choices)).toMatchObject({ reason: 'BAD_ENGINE_REPLY', field });
  });
});
