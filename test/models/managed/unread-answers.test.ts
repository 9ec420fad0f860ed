import { describe, expect, test } from 'vitest';
import {
  createCompletionsEngine,
  createLlamaCppEngine,
  createManagedServer,
  createSglangEngine,
  createTrlEngine,
  createVllmCompletionsEngine,
  createVllmEngine,
  type Engine,
  type HttpEngineOptions,
} from '../../../src/models/index.ts';
import { ledgerBalance, settle } from '../../../src/tokens/index.ts';
import { startLlamaCppFake } from '../../support/engines/llama-cpp-fake.ts';
import type { FakeEngine } from '../../support/engines/script.ts';
import { startSglangFake } from '../../support/engines/sglang-fake.ts';
import { startTrlFake } from '../../support/engines/trl-fake.ts';
import { startVllmFake } from '../../support/engines/vllm-fake.ts';
import { END, say, spiedRenderer, tokenizer } from '../chatml.ts';
import { live } from '../engines/contract.ts';

const IDS = [97, 98, END];

/** One call, answered with this text, and what the session then holds. */
async function asked(
  { start, create }: (typeof engines)[keyof typeof engines],
  answer: unknown,
  onLie: 'refuse' | 'mark',
) {
  await using fake = await start();
  fake.fault({ raw: JSON.stringify(answer) });
  const server = createManagedServer({
    engine: create({
      url: fake.url,
      vocabularySize: tokenizer.vocabularySize,
      contextLength: 999,
      logprobMode: 'processed',
    }),
    renderer: spiedRenderer({ listTools: false }).renderer,
    probe: 'never',
    onLie,
  });
  const session = server.openSession({ rolloutId: 'r', announcedVersion: () => 1 });
  const request = { messages: [say('user', 'hi')], tools: [], sampling: { maxTokens: 8 } };
  const error = await session.complete(request, { signal: live }).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  await server.close();
  const { segments, calls, sampledTokens = -1 } = session.record();
  const { ledger } = settle({
    ...{ rolloutId: 'r', segments, calls, policy: 'strict', sampledTokens },
    ...{ maxRowTokens: 0, masked: false },
  });
  expect(ledgerBalance(ledger)).toBe(0);
  return { error, ledger, segments };
}

interface Case {
  readonly start: () => Promise<FakeEngine>;
  readonly create: (options: HttpEngineOptions) => Engine;
}

const engines = {
  vllm: { start: startVllmFake, create: createVllmEngine },
  streamed: {
    start: startVllmFake,
    create: (options) => createVllmEngine({ ...options, stream: true }),
  },
  'vllm-completions': { start: startVllmFake, create: createVllmCompletionsEngine },
  completions: { start: startVllmFake, create: createCompletionsEngine },
  sglang: { start: startSglangFake, create: createSglangEngine },
  'llama-cpp': { start: startLlamaCppFake, create: createLlamaCppEngine },
  trl: { start: startTrlFake, create: createTrlEngine },
} satisfies Record<string, Case>;

const entries = (ids: readonly number[]) => ({
  content: ids.map((id) => ({ token: `token_id:${id}`, logprob: -1 })),
});
const vllm = (logprobs: unknown, token_ids: unknown = IDS, more = {}) => ({
  choices: [{ index: 0, token_ids, finish_reason: 'stop', logprobs }],
  ...more,
});
const listed = (tokens: unknown, token_ids?: unknown) => ({
  choices: [
    { token_ids, finish_reason: 'stop', logprobs: { tokens, token_logprobs: [-1, -1, -1] } },
  ],
});
const sglang = (output_token_logprobs: unknown, more = {}) => ({
  output_ids: IDS,
  meta_info: { finish_reason: { type: 'stop' }, output_token_logprobs },
  ...more,
});
const rows = (ids: readonly number[]) => ids.map((id) => [-1, id, null]);

describe('what was sampled in an answer that lies is in the account', () => {
  test.each<[keyof typeof engines, string, unknown, string]>([
    ['vllm', 'logprobs of another id', vllm(entries([9, 98, END])), 'BAD_ENGINE_REPLY'],
    ['vllm', 'too few logprobs', vllm(entries([98, END])), 'LOGPROBS_LENGTH'],
    ['vllm', 'a logprob that is none', vllm({ content: [1, 2, 3] }), 'BAD_ENGINE_REPLY'],
    [
      'vllm',
      'a prompt that can not be read',
      vllm(entries(IDS), IDS, { prompt_token_ids: ['a'] }),
      'BAD_ENGINE_REPLY',
    ],
    [
      'vllm-completions',
      'logprobs of another id',
      listed(['token_id:9', 'b', 'c'], IDS),
      'BAD_ENGINE_REPLY',
    ],
    ['sglang', 'logprobs of another id', sglang(rows([9, 98, END])), 'BAD_ENGINE_REPLY'],
    ['sglang', 'a row that is no list', sglang([null, ...rows([98, END])]), 'BAD_ENGINE_REPLY'],
    ['sglang', 'too few rows', sglang(rows([98, END])), 'LOGPROBS_LENGTH'],
    [
      'sglang',
      'fewer ids than it sampled',
      {
        meta_info: {
          finish_reason: { type: 'stop' },
          output_token_logprobs: rows(IDS),
          completion_tokens: 4,
        },
      },
      'LOGPROBS_LENGTH',
    ],
    [
      'llama-cpp',
      'a prompt that was cut',
      { tokens: IDS, truncated: true, stop_type: 'eos' },
      'PROMPT_NOT_VERBATIM',
    ],
    [
      'trl',
      'no prompt',
      { completion_ids: [IDS], logprobs: [[[-1], [-1], [-1]]] },
      'BAD_ENGINE_REPLY',
    ],
  ])('%s: %s', async (name, _, answer, reason) => {
    const refused = await asked(engines[name], answer, 'refuse');
    expect(refused.error).toMatchObject({ kind: 'model_error', reason });
    expect(refused.ledger).toMatchObject({ sampled: 3, abandonedRetry: 3 });
    const marked = await asked(engines[name], answer, 'mark');
    expect(marked.error).toBeUndefined();
    expect(marked.ledger).toMatchObject({ sampled: 3, notForTraining: 3 });
    expect([...marked.segments[0]!.tokenIds.slice(-3)]).toEqual(IDS);
  });

  test.each<[keyof typeof engines, string, unknown, string]>([
    ['vllm', '-1', vllm(entries([97, -1, END]), [97, -1, END]), 'TOKEN_OUT_OF_VOCABULARY'],
    ['vllm', 'null', vllm(entries(IDS), [97, null, END]), 'BAD_ENGINE_REPLY'],
    ['vllm', '2^32 + 98', vllm(entries(IDS), [97, 2 ** 32 + 98, END]), 'BAD_ENGINE_REPLY'],
    ['sglang', 'null', sglang(rows(IDS), { output_ids: [97, null, END] }), 'BAD_ENGINE_REPLY'],
    [
      'sglang',
      'a row that is none, and no ids beside it',
      { meta_info: { finish_reason: 'stop', output_token_logprobs: [[-1, 97], 3, [-1, END]] } },
      'BAD_ENGINE_REPLY',
    ],
    ['llama-cpp', 'null', { tokens: [97, null, END], stop_type: 'eos' }, 'BAD_ENGINE_REPLY'],
    ['trl', 'null', { prompt_ids: [[1]], completion_ids: [[97, null, END]] }, 'BAD_ENGINE_REPLY'],
    ['completions', 'a word', listed(['token_id:97', 'b', `token_id:${END}`]), 'BAD_ENGINE_REPLY'],
  ])(
    '%s: an id that is %s is told, and the others are counted',
    async (name, _, answer, reason) => {
      for (const onLie of ['refuse', 'mark'] as const) {
        const { error, ledger, segments } = await asked(engines[name], answer, onLie);
        expect(error).toMatchObject({ kind: 'model_error', reason });
        expect(ledger).toMatchObject({ sampled: 2, abandonedRetry: 2 });
        expect([...segments[0]!.tokenIds.slice(-2)]).toEqual([97, END]);
        expect(segments[0]!.reasonDetail).toContain('1 of 3 ids are none and not counted');
      }
    },
  );
});

test('an event of a stream that lies takes nothing from the others', async () => {
  await using fake = await startVllmFake();
  fake.script.ids = IDS;
  fake.script.logprobs = [-1, -1];
  const engine = engines.streamed.create({ url: fake.url, vocabularySize: 300 });
  const made = await engine.generate(
    { requestId: 'r', promptTokenIds: Int32Array.of(1), sampling: {} },
    { signal: live },
  );
  expect([...made.tokenIds]).toEqual(IDS);
  expect(made.amiss).toMatchObject({ reason: 'BAD_ENGINE_REPLY' });
  await engine.close();
});
