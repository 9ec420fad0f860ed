import { describe, expect, test } from 'vitest';
import {
  createSglangEngine,
  createTrlEngine,
  createVllmCompletionsEngine,
  createVllmEngine,
  type Engine,
  type HttpEngineOptions,
} from '../../../src/models/index.ts';
import { startFakeServer } from '../../support/engines/fake-server.ts';
import { live } from './contract.ts';

/** What an engine says of position 1 of `[3, 1]`: ids and logprobs, its own first. */
type Said = readonly (readonly [id: unknown, logprob: unknown])[];

const vllmEntries = (said: Said) => [
  null,
  Object.fromEntries(said.map(([id, logprob]) => [id, { logprob, rank: 1 }])),
];

const engines: Record<
  string,
  {
    readonly create: (options: HttpEngineOptions) => Engine;
    readonly route: string;
    readonly answer: (said: Said) => unknown;
  }
> = {
  vllm: {
    create: createVllmEngine,
    route: 'POST /inference/v1/generate',
    answer: (said) => ({ choices: [], prompt_logprobs: vllmEntries(said) }),
  },
  'vllm-completions': {
    create: createVllmCompletionsEngine,
    route: 'POST /v1/completions',
    answer: (said) => ({ choices: [{ prompt_logprobs: vllmEntries(said) }] }),
  },
  sglang: {
    create: createSglangEngine,
    route: 'POST /generate',
    answer: (said) => ({
      meta_info: {
        input_token_logprobs: [[null, 3, null], said[0]?.toReversed()],
        input_top_logprobs: [null, said.map(([id, logprob]) => [logprob, id, null])],
      },
    }),
  },
  trl: {
    create: createTrlEngine,
    route: 'POST /get_sequence_logprobs/',
    answer: (said) => ({
      logprobs: [[said.map(([, logprob]) => logprob)]],
      logprob_token_ids: [[said.map(([id]) => id)]],
    }),
  },
};

async function scored(name: string, said: Said) {
  const { create, route, answer } = engines[name]!;
  await using fake = await startFakeServer([{ route, reply: () => answer(said) }]);
  const engine = create({ url: fake.url, vocabularySize: 100 });
  try {
    return await engine.scoreTopK!(Int32Array.of(3, 1), { k: 2, signal: live });
  } catch (thrown) {
    return thrown;
  } finally {
    await engine.close();
  }
}

const own = [1, -0.5] as const;

describe.each(Object.keys(engines))('a score of %s', (name) => {
  test('has its own logprob and the likeliest, in their order', async () => {
    expect(await scored(name, [own, [2, -2], [7, -0.25]])).toEqual({
      k: 2,
      logprobs: Float32Array.of(-0.5),
      topIds: Int32Array.of(7, 1),
      topLogprobs: Float32Array.of(-0.25, -0.5),
    });
  });

  test('has fewer where the engine has no more', async () => {
    expect(await scored(name, [own, [2, -9999]])).toMatchObject({
      topIds: Int32Array.of(1, -1),
      topLogprobs: Float32Array.of(-0.5, -Infinity),
    });
  });

  test.each<[string, Said, string]>([
    ['an id beyond 32 bits', [own, [2 ** 32 + 5, -1]], 'TOKEN_OUT_OF_VOCABULARY'],
    ['an id beyond the vocabulary', [own, [100, -1]], 'TOKEN_OUT_OF_VOCABULARY'],
    ['a negative id', [own, [-7, -1]], 'BAD_ENGINE_REPLY'],
    ['half an id', [own, [1.5, -1]], 'BAD_ENGINE_REPLY'],
    ['a word', [own, ['abc', -1]], 'BAD_ENGINE_REPLY'],
    ['no id', [own, ['', -1]], 'BAD_ENGINE_REPLY'],
    ['a logprob above 0', [own, [2, 5]], 'LOGPROBS_POSITIVE'],
    ['an own logprob above 0', [[1, 5]], 'LOGPROBS_POSITIVE'],
    ['a logprob that is none', [own, [2, 'x']], 'LOGPROBS_NOT_FINITE'],
    ['no own logprob', [[1, null]], 'LOGPROBS_NOT_FINITE'],
    ['an own logprob of minus infinity', [[1, -9999]], 'LOGPROBS_NOT_FINITE'],
    ['no own id', [[9, -1]], 'LOGPROBS_MISSING'],
  ])('is refused with %s', async (_, said, reason) => {
    expect(await scored(name, said)).toMatchObject({
      kind: 'model_error',
      reason,
      field: expect.stringMatching(/\[1\]|\[0\]\[0\]/),
    });
  });
});

test('an id that comes twice is refused', async () => {
  expect(await scored('trl', [own, [1, -2]])).toMatchObject({
    reason: 'BAD_ENGINE_REPLY',
    message: /id 1 again/,
  });
});
