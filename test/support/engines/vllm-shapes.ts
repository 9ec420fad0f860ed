import {
  anything,
  type Check,
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
 * Field lists of vllm-project/vllm:
 *   GenerateRequest, GenerateTokensResponse and GenerateTokensStreamResponse: vllm/entrypoints/scale_out/token_in_token_out/protocol.py,
 *     commit 006ebac240f34ddcd36383832b28c25840d2ea80;
 *     the older logprob dialect: the same folder's serving.py, commit 00a80787a504467c1bcd76d5405a50b2aaa00d5a;
 *   SamplingParams: vllm/sampling_params.py, commit 00388f6573ccfcffad607b8c9ecdf341a4669ceb;
 *   CompletionRequest and CompletionResponse: vllm/entrypoints/openai/completion/protocol.py,
 *     commit 002032ee2b18e1f7bd924ec47b62504ba3866063;
 *   TokenizeRequest, DetokenizeRequest and their responses: vllm/entrypoints/serve/tokenize/protocol.py,
 *     commit 030ea52effcb05071543c8c42b8f0145e94cee43;
 *   the chat route: ./vllm-chat.ts.
 */

const neutral = {
  temperature: number,
  top_p: number,
  top_k: whole,
  min_p: number,
  repetition_penalty: number,
  seed: whole,
  stop: listOf(text),
  stop_token_ids: ids,
  max_tokens: whole,
  prompt_logprobs: whole,
  skip_special_tokens: exactly(false),
  spaces_between_special_tokens: exactly(false),
} as const;

const samplingParams: Shape = {
  fields: {
    ...neutral,
    n: whole,
    presence_penalty: number,
    frequency_penalty: number,
    ignore_eos: flag,
    min_tokens: whole,
    logprobs: exactly(0),
    logprob_token_ids: ids,
    flat_logprobs: flag,
    detokenize: flag,
    include_stop_str_in_output: flag,
    logit_bias: anything,
    allowed_token_ids: ids,
    extra_args: anything,
    bad_words: listOf(text),
  },
  // Left out, each is taken from the model's generation config.
  required: ['temperature', 'top_p', 'top_k', 'min_p', 'repetition_penalty'],
};

export const generateRequest: Shape = {
  fields: {
    request_id: text,
    token_ids: ids,
    features: anything,
    content_parts: anything,
    sampling_params: samplingParams,
    model: text,
    return_token_ids: flag,
    output_mode: text,
    stream: flag,
    stream_options: anything,
    cache_salt: text,
    priority: whole,
    kv_transfer_params: anything,
  },
  required: ['request_id', 'token_ids', 'sampling_params', 'stream'],
};

export const completionRequest: Shape = {
  fields: {
    ...neutral,
    model: text,
    prompt: ids,
    echo: flag,
    logprobs: exactly(0),
    n: whole,
    stream: exactly(false),
    user: text,
    ignore_eos: flag,
    min_tokens: whole,
    add_special_tokens: exactly(false),
    request_id: text,
    session_id: text,
    return_token_ids: exactly(true),
    return_tokens_as_token_ids: flag,
    cache_salt: text,
    priority: whole,
  },
  required: [
    'prompt',
    'max_tokens',
    'temperature',
    'top_p',
    'top_k',
    'add_special_tokens',
    'stream',
  ],
};

export const tokenizeRequest: Shape = {
  fields: {
    model: text,
    prompt: text,
    add_special_tokens: exactly(false),
    return_token_strs: flag,
  },
  required: ['prompt', 'add_special_tokens'],
};

export const detokenizeRequest: Shape = {
  fields: { model: text, tokens: ids },
  required: ['tokens'],
};

export const usage: Shape = {
  fields: {
    prompt_tokens: whole,
    completion_tokens: whole,
    total_tokens: whole,
    prompt_tokens_details: anything,
  },
  required: ['prompt_tokens', 'completion_tokens', 'total_tokens'],
};

/** By id, as the keys of JSON: `{"7": {logprob, rank, decoded_token}}`. */
const promptLogprobs = listOf(
  orNull((entry) =>
    Object.entries(entry as object).every(
      ([id, value]) =>
        /^\d+$/.test(id) &&
        isOf(value, {
          fields: { logprob: number, rank: orNull(whole), decoded_token: orNull(text) },
          required: ['logprob'],
        }),
    ),
  ),
);

const span: Shape = {
  fields: { version: text, start: whole, end: whole },
  required: ['version', 'start', 'end'],
};

/** Entries that name ids; before them they were the chat route's, in which an id is spelled `token_id:N`. */
const entry: Check = (value) =>
  isOf(value, {
    fields: { token_id: whole, logprob: number, rank: orNull(whole), top_logprobs: anything },
    required: ['token_id', 'logprob'],
  }) || isOf(value, chatLogprob);

export const chatLogprob: Shape = {
  fields: { token: text, logprob: number, bytes: orNull(listOf(whole)), top_logprobs: anything },
  required: ['token', 'logprob', 'top_logprobs'],
};

const generateChoice: Shape = {
  fields: {
    index: whole,
    finish_reason: orNull(text),
    token_ids: orNull(ids),
    routed_experts: orNull(text),
    sampling_mask: anything,
    weight_versions: orNull(listOf((value) => isOf(value, span))),
    logprobs: orNull((value) =>
      isOf(value, { fields: { content: orNull(listOf(entry)) }, required: [] }),
    ),
  },
  required: ['index', 'token_ids'],
};

const generateCommon = {
  request_id: text,
  usage: orNull((value) => isOf(value, usage)),
  prompt_token_ids: orNull(ids),
  mm_placeholders: anything,
  metrics: anything,
  output_mode: exactly('tokens'),
  choices: listOf((value) => isOf(value, generateChoice)),
} as const;

export const generateEvent: Shape = {
  fields: generateCommon,
  required: ['request_id', 'choices'],
};

export const generateResponse: Shape = {
  fields: {
    ...generateCommon,
    model: orNull(text),
    created: orNull(whole),
    prompt_logprobs: orNull(promptLogprobs),
    prompt_token_id_logprobs: orNull(text),
    kv_transfer_params: anything,
    ec_transfer_params: anything,
  },
  required: ['request_id', 'choices'],
};

const completionChoice: Shape = {
  fields: {
    index: whole,
    text,
    logprobs: orNull((value) =>
      isOf(value, {
        fields: {
          text_offset: listOf(whole),
          token_logprobs: listOf(orNull(number)),
          tokens: listOf(text),
          top_logprobs: listOf(anything),
        },
        required: ['text_offset', 'token_logprobs', 'tokens', 'top_logprobs'],
      }),
    ),
    finish_reason: orNull(text),
    stop_reason: anything,
    token_ids: orNull(ids),
    prompt_logprobs: orNull(promptLogprobs),
    prompt_token_ids: orNull(ids),
    routed_experts: orNull(text),
  },
  required: ['index', 'text'],
};

export const completionResponse: Shape = {
  fields: {
    id: text,
    object: exactly('text_completion'),
    created: whole,
    model: text,
    choices: listOf((value) => isOf(value, completionChoice)),
    service_tier: anything,
    system_fingerprint: orNull(text),
    usage,
    kv_transfer_params: anything,
    ec_transfer_params: anything,
    metrics: anything,
  },
  required: ['id', 'object', 'created', 'model', 'choices', 'usage'],
};

export const tokenizeResponse: Shape = {
  fields: { count: whole, max_model_len: whole, tokens: ids, token_strs: anything },
  required: ['count', 'max_model_len', 'tokens'],
};

export const detokenizeResponse: Shape = { fields: { prompt: text }, required: ['prompt'] };
