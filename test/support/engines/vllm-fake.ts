import { EventStream } from './fake-server.ts';
import { type Body, type FakeEngine, type FakeScript, startScriptedFake } from './script.ts';
import { type ChatTurn, chatCompletion, chatEvents, chatRequest } from './vllm-chat.ts';
import { chatChunk, chatResponse } from './vllm-chat-shapes.ts';
import {
  completionRequest,
  completionResponse,
  detokenizeRequest,
  detokenizeResponse,
  generateEvent,
  generateRequest,
  generateResponse,
  tokenizeRequest,
  tokenizeResponse,
} from './vllm-shapes.ts';

export interface VllmFakeOptions {
  /** `ids` is the newer shape of logprobs, `chat` the older. Default: `ids`. */
  readonly dialect?: 'ids' | 'chat';
  /** With the control plane off, the weight version can't be read. Default: on. */
  readonly controlPlane?: boolean;
  /** Of a streamed answer: events, one token each, before nothing more comes or the connection breaks. */
  readonly stallsAfter?: number;
  readonly breaksAfter?: number;
  /** Default: 512. */
  readonly contextLength?: number;
  /** What the chat route makes of a request. Default: a word, from the script. */
  readonly chat?: (body: Body) => ChatTurn;
  /** The text of ids. Default: the server has no such route. */
  readonly detokenize?: (tokens: readonly number[]) => string;
  /** The chat route as of a server that does not know `return_token_ids`, or has logprobs off. */
  readonly withoutIds?: boolean;
  readonly withoutLogprobs?: boolean;
}

export async function startVllmFake(options: VllmFakeOptions = {}): Promise<FakeEngine> {
  return await startScriptedFake((script) => [
    { route: 'GET /health', reply: () => undefined },
    {
      route: 'GET /v1/models',
      reply: () => ({
        object: 'list',
        data: [
          {
            id: 'org/model',
            object: 'model',
            owned_by: 'vllm',
            max_model_len: options.contextLength ?? 512,
          },
        ],
      }),
    },
    ...(options.controlPlane === false
      ? []
      : [{ route: 'GET /weight_info', reply: () => ({ weight_version: '7' }) }]),
    {
      route: 'POST /tokenize',
      shape: tokenizeRequest,
      answers: tokenizeResponse,
      reply: ({ prompt }: Body) => ({
        count: prompt.length,
        max_model_len: 512,
        tokens: [...prompt].map((letter: string) => letter.charCodeAt(0)),
      }),
    },
    ...(options.detokenize === undefined
      ? []
      : [
          {
            route: 'POST /detokenize',
            shape: detokenizeRequest,
            answers: detokenizeResponse,
            reply: ({ tokens }: Body) => ({ prompt: options.detokenize?.(tokens) }),
          },
        ]),
    {
      route: 'POST /inference/v1/generate',
      shape: generateRequest,
      answers: generateResponse,
      events: generateEvent,
      samples: true,
      reply: (body: Body) =>
        body.stream === true ? events(script, body, options) : generated(script, body, options),
    },
    {
      route: 'POST /v1/completions',
      shape: completionRequest,
      answers: completionResponse,
      samples: true,
      reply: (body: Body) => completed(script, body),
    },
    {
      route: 'POST /v1/chat/completions',
      shape: chatRequest,
      answers: chatResponse,
      events: chatChunk,
      samples: true,
      reply: (body: Body) => {
        const turn = options.chat?.(body) ?? scripted(script);
        return body.stream === true
          ? chatEvents(body, turn, options)
          : chatCompletion(body, turn, {
              ...options,
              ...(options.chat === undefined && { withoutLogprobs: script.logprobs === undefined }),
            });
      },
    },
  ]);
}

function generated(script: FakeScript, body: Body, { dialect = 'ids' }: VllmFakeOptions): unknown {
  const { prompt_logprobs: top, n = 1 } = body.sampling_params;
  return {
    request_id: body.request_id,
    model: 'org/model',
    usage: {
      prompt_tokens: script.promptTokens ?? body.token_ids.length,
      completion_tokens: script.ids.length,
      total_tokens: body.token_ids.length + script.ids.length,
    },
    prompt_logprobs: top === undefined ? null : promptLogprobs(body.token_ids, top),
    prompt_token_ids: null,
    output_mode: 'tokens',
    choices: Array.from({ length: n }, (_, index) => ({
      index,
      finish_reason: script.finish,
      token_ids: script.ids,
      logprobs: script.logprobs === undefined ? null : { content: content(script, dialect) },
      weight_versions: script.versions.length > 0 ? script.versions : null,
    })),
  };
}

function content({ ids: sampled, logprobs = [] }: FakeScript, dialect: 'ids' | 'chat'): unknown[] {
  // How vLLM writes that it has none.
  return logprobs
    .map((value) => value ?? -9999)
    .map((logprob, at) =>
      dialect === 'ids'
        ? { token_id: sampled[at], logprob, rank: 1, top_logprobs: [] }
        : { token: `token_id:${sampled[at]}`, logprob, bytes: null, top_logprobs: [] },
    );
}

function events(script: FakeScript, body: Body, options: VllmFakeOptions): EventStream {
  const { dialect = 'ids', ...ends } = options;
  const all = content(script, dialect);
  return new EventStream(
    script.ids.map((id, at) => {
      const last = at === script.ids.length - 1;
      return {
        request_id: body.request_id,
        choices: [
          {
            index: 0,
            finish_reason: last ? script.finish : null,
            token_ids: [id],
            logprobs: { content: [all[at]] },
            weight_versions: last && script.versions.length > 0 ? script.versions : null,
          },
        ],
      };
    }),
    ends,
  );
}

/** The first position has none; each other has its own id and, asked for more, the next id as likelier. */
function promptLogprobs(prompt: readonly number[], top: number): unknown[] {
  return prompt.map((id, at) =>
    at === 0
      ? null
      : {
          [id]: { logprob: -at / 10, rank: top > 0 ? 2 : 1, decoded_token: 'a' },
          ...(top > 0 && { [id + 1]: { logprob: -at / 20, rank: 1, decoded_token: 'b' } }),
        },
  );
}

function scripted({ ids: sampled, logprobs, finish, promptTokens }: FakeScript): ChatTurn {
  return {
    prompt: [5, 6, 7, 8],
    sampled,
    message: { content: 'ok' },
    finish,
    ...(logprobs !== undefined && { logprobs: logprobs.map((logprob) => logprob ?? -9999) }),
    ...(promptTokens !== undefined && { promptTokens }),
  };
}

function completed(script: FakeScript, body: Body): unknown {
  return {
    id: body.request_id ?? 'cmpl-1',
    object: 'text_completion',
    created: 1_780_000_000,
    model: 'org/model',
    choices: Array.from({ length: body.n ?? 1 }, (_, index) => ({
      index,
      text: script.ids
        .filter((id) => id !== 2)
        .map((id) => String.fromCharCode(id + 86))
        .join(''),
      finish_reason: script.finish,
      stop_reason: null,
      token_ids: script.ids,
      prompt_token_ids: body.prompt,
      logprobs:
        script.logprobs === undefined
          ? null
          : {
              tokens: script.ids.map((id) => `t${id}`),
              token_logprobs: script.logprobs,
              top_logprobs: [],
              text_offset: [],
            },
      prompt_logprobs:
        body.prompt_logprobs === undefined
          ? null
          : promptLogprobs(body.prompt, body.prompt_logprobs),
    })),
    usage: {
      prompt_tokens: script.promptTokens ?? body.prompt.length,
      completion_tokens: script.ids.length,
      total_tokens: body.prompt.length + script.ids.length,
    },
  };
}
