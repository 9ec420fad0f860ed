import { type Body, type FakeEngine, startScriptedFake } from './script.ts';
import {
  anything,
  exactly,
  flag,
  ids,
  isOf,
  listOf,
  number,
  orNull,
  type Shape,
  text,
  whole,
} from './shape.ts';

/*
 * Field lists of ggml-org/llama.cpp, tools/server/server-task.cpp, commit
 * 00efb3e184262872916bf136b3df63c1822a19bd: params_from_json_cmpl (the request), to_json_non_oaicompat and
 * completion_token_output::probs_vector_to_json (the answer).
 */
const completion: Shape = {
  fields: {
    prompt: ids,
    stream: exactly(false),
    cache_prompt: flag,
    return_tokens: exactly(true),
    n_predict: whole,
    n_keep: whole,
    top_k: whole,
    top_p: number,
    min_p: exactly(0),
    top_n_sigma: exactly(-1),
    xtc_probability: exactly(0),
    xtc_threshold: number,
    typical_p: exactly(1),
    temperature: number,
    dynatemp_range: exactly(0),
    dynatemp_exponent: number,
    repeat_last_n: whole,
    repeat_penalty: exactly(1),
    frequency_penalty: exactly(0),
    presence_penalty: exactly(0),
    dry_multiplier: exactly(0),
    mirostat: exactly(0),
    seed: whole,
    n_probs: whole,
    min_keep: whole,
    post_sampling_probs: flag,
    stop: listOf(text),
    samplers: listOf(text),
    ignore_eos: flag,
    logit_bias: anything,
    t_max_predict_ms: whole,
    id_slot: whole,
  },
  // The server's own defaults are not neutral, so each is named.
  required: [
    'prompt',
    'n_predict',
    'temperature',
    'top_k',
    'top_p',
    'min_p',
    'typical_p',
    'repeat_penalty',
    'dry_multiplier',
    'xtc_probability',
    'mirostat',
    'samplers',
    'n_probs',
    'post_sampling_probs',
    'return_tokens',
    'stream',
  ],
};

const probability: Shape = {
  fields: {
    id: whole,
    token: text,
    bytes: listOf(whole),
    // NaN is written as null.
    prob: orNull(number),
    top_probs: anything,
    logprob: orNull(number),
    top_logprobs: anything,
  },
  required: ['id', 'token', 'bytes'],
};

const completed: Shape = {
  fields: {
    index: whole,
    content: text,
    tokens: ids,
    id_slot: whole,
    stop: flag,
    model: text,
    tokens_predicted: whole,
    tokens_evaluated: whole,
    generation_settings: anything,
    prompt: anything,
    has_new_line: flag,
    truncated: flag,
    stop_type: (type) => ['none', 'eos', 'word', 'limit'].includes(type as string),
    stopping_word: text,
    tokens_cached: whole,
    timings: anything,
    completion_probabilities: listOf((value) => isOf(value, probability)),
  },
  required: ['content', 'tokens', 'stop', 'tokens_evaluated', 'truncated', 'stop_type'],
};

const tokenized: Shape = { fields: { tokens: listOf(anything) }, required: ['tokens'] };

const tokenize: Shape = {
  fields: {
    content: text,
    add_special: exactly(false),
    parse_special: exactly(true),
    with_pieces: flag,
  },
  required: ['content', 'add_special', 'parse_special'],
};

export interface LlamaCppFakeOptions {
  /** Builds before post_sampling_probs answer with the model's own logprobs. Default: false. */
  readonly logprobsOnly?: boolean;
}

export async function startLlamaCppFake(options: LlamaCppFakeOptions = {}): Promise<FakeEngine> {
  const stopTypes = { stop: 'eos', length: 'limit', abort: 'none' } as const;
  return await startScriptedFake((script) => [
    { route: 'GET /health', reply: () => ({ status: 'ok' }) },
    {
      route: 'GET /props',
      reply: () => ({
        default_generation_settings: { n_ctx: 512 },
        total_slots: 1,
        model_alias: 'org/model',
        model_path: '/models/model.gguf',
      }),
    },
    {
      route: 'POST /tokenize',
      shape: tokenize,
      answers: tokenized,
      reply: ({ content }: Body) => ({
        tokens: [...content].map((letter: string) => letter.charCodeAt(0)),
      }),
    },
    {
      route: 'POST /completion',
      shape: completion,
      answers: completed,
      samples: true,
      reply: (body: Body) => ({
        index: 0,
        content: '',
        tokens: script.ids,
        id_slot: 0,
        stop: true,
        model: 'org/model',
        tokens_predicted: script.ids.length,
        tokens_evaluated: script.promptTokens ?? body.prompt.length,
        truncated: false,
        stop_type: stopTypes[script.finish],
        stopping_word: '',
        tokens_cached: 0,
        ...(script.logprobs !== undefined && {
          completion_probabilities: script.logprobs.map((logprob, at) => ({
            id: script.ids[at],
            token: 'a',
            bytes: [97],
            ...(options.logprobsOnly === true
              ? { logprob, top_logprobs: [] }
              : { prob: logprob === null ? null : Math.exp(logprob), top_probs: [] }),
          })),
        }),
      }),
    },
  ]);
}
