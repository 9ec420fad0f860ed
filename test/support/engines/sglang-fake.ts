import {
  type Body,
  type FakeEngine,
  type FakeScript,
  samplingFields,
  startScriptedFake,
} from './script.ts';
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
 * Field lists of sgl-project/sglang:
 *   GenerateReqInput: python/sglang/srt/managers/io_struct.py, commit 001067fffe33427bee0ed2f007fb7551a1d76b44;
 *   SamplingParams: python/sglang/srt/sampling/sampling_params.py, commit 00c17cafcb9e289d5ca97c50e44ada54e4fd5b03;
 *   what is answered, meta_info above all: _handle_batch_output and add_logprob_to_meta_info of
 *     python/sglang/srt/managers/tokenizer_manager.py, commit 001067fffe33427bee0ed2f007fb7551a1d76b44;
 *   weight_versions in it: python/sglang/srt/utils/weight_versions.py, commit
 *     19f93835d3f8a0b84485592090245d11de783289.
 */
const samplingParams: Shape = {
  fields: {
    max_new_tokens: whole,
    stop: listOf(text),
    stop_token_ids: ids,
    stop_regex: text,
    ...samplingFields,
    min_p: number,
    frequency_penalty: number,
    presence_penalty: number,
    repetition_penalty: number,
    min_new_tokens: whole,
    n: whole,
    ignore_eos: flag,
    skip_special_tokens: exactly(false),
    spaces_between_special_tokens: flag,
    no_stop_trim: exactly(true),
    custom_params: anything,
    stream_interval: whole,
    logit_bias: anything,
    sampling_seed: whole,
  },
  required: ['temperature', 'top_p', 'top_k', 'min_p', 'repetition_penalty', 'max_new_tokens'],
};

const generateReqInput: Shape = {
  fields: {
    rid: text,
    session_id: text,
    input_ids: ids,
    sampling_params: samplingParams,
    return_logprob: exactly(true),
    logprob_start_len: whole,
    top_logprobs_num: whole,
    token_ids_logprob: ids,
    return_text_in_logprobs: exactly(false),
    stream: exactly(false),
    lora_path: text,
    routing_key: text,
    priority: whole,
  },
  // Exactly one of text and input_ids; logprob_start_len 0 would be the whole prompt's.
  required: ['input_ids', 'sampling_params', 'return_logprob', 'logprob_start_len', 'stream'],
};

/** `[logprob, id, text]`; the first of a prompt has no logprob. */
const triple: Check = (value) => {
  if (!Array.isArray(value) || value.length !== 3) return false;
  const [logprob, id, spelled] = value;
  return orNull(number)(logprob) && whole(id) && orNull(text)(spelled);
};

const versionSpan: Shape = {
  fields: { version: text, start: whole, end: whole },
  required: ['version', 'start', 'end'],
};

const metaInfo: Shape = {
  fields: {
    id: text,
    finish_reason: {
      fields: { type: text, matched: anything, length: whole, message: text, status_code: whole },
      required: ['type'],
    },
    prompt_tokens: whole,
    weight_version: text,
    weight_versions: listOf((value) => isOf(value, versionSpan)),
    num_retractions: whole,
    total_retractions: whole,
    reasoning_tokens: whole,
    completion_tokens: whole,
    cached_tokens: whole,
    cached_tokens_details: anything,
    dp_rank: anything,
    e2e_latency: number,
    response_sent_to_client_ts: anything,
    input_token_logprobs: listOf(triple),
    output_token_logprobs: listOf(triple),
    output_token_logprobs_length: whole,
    input_top_logprobs: listOf(orNull(listOf(triple))),
    output_top_logprobs: listOf(orNull(listOf(triple))),
  },
  required: ['id', 'finish_reason', 'prompt_tokens', 'weight_version', 'completion_tokens'],
};

const generated: Shape = {
  fields: { text, output_ids: ids, prompt_token_ids: ids, meta_info: metaInfo },
  required: ['text', 'meta_info'],
};

export interface SglangFakeOptions {
  /** Builds before `output_ids` name the ids in the logprobs alone. Default: true. */
  readonly outputIds?: boolean;
}

export async function startSglangFake(options: SglangFakeOptions = {}): Promise<FakeEngine> {
  return await startScriptedFake((script) => [
    { route: 'GET /health', reply: () => undefined },
    {
      route: 'GET /v1/models',
      reply: () => ({ object: 'list', data: [{ id: 'org/model', max_model_len: 512 }] }),
    },
    {
      route: 'GET /get_model_info',
      reply: () => ({ model_path: 'org/model', is_generation: true, weight_version: '7' }),
    },
    {
      route: 'POST /generate',
      shape: generateReqInput,
      answers: generated,
      samples: true,
      reply: (body: Body) =>
        (body.sampling_params.n ?? 1) > 1
          ? Array.from({ length: body.sampling_params.n }, () => generatedOf(script, body, options))
          : generatedOf(script, body, options),
    },
  ]);
}

function generatedOf(script: FakeScript, body: Body, options: SglangFakeOptions): unknown {
  const scored = body.logprob_start_len === 0;
  const top = body.top_logprobs_num ?? 0;
  const { versions } = script;
  return {
    text: script.ids.map((id) => String.fromCharCode(id + 86)).join(''),
    ...(options.outputIds !== false && { output_ids: script.ids }),
    meta_info: {
      id: body.rid ?? 'r',
      finish_reason:
        script.finish === 'stop' ? { type: 'stop', matched: 2 } : { type: script.finish },
      prompt_tokens: script.promptTokens ?? body.input_ids.length,
      completion_tokens: script.ids.length,
      cached_tokens: 0,
      ...(versions.length > 0 && {
        weight_version: versions.at(-1)!.version,
        weight_versions: versions,
      }),
      ...(versions.length === 0 && { weight_version: 'default' }),
      ...(script.logprobs !== undefined && {
        output_token_logprobs: script.logprobs.map((logprob, at) => [
          logprob,
          script.ids[at] ?? 0,
          null,
        ]),
        output_token_logprobs_length: script.logprobs.length,
      }),
      ...(scored && {
        input_token_logprobs: body.input_ids.map((id: number, at: number) => [
          at === 0 ? null : -at / 10,
          id,
          null,
        ]),
      }),
      ...(top > 0 && {
        input_top_logprobs: body.input_ids.map((id: number, at: number) =>
          at === 0
            ? null
            : [
                [-at / 20, id + 1, null],
                [-at / 10, id, null],
              ].slice(0, top),
        ),
      }),
    },
  };
}
