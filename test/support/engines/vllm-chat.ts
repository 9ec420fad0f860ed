import { EventStream } from './fake-server.ts';
import {
  anything,
  exactly,
  flag,
  ids,
  listOf,
  number,
  problemsOf,
  type Shape,
  text,
  whole,
} from './shape.ts';

/*
 * Field lists of vllm-project/vllm:
 *   ChatCompletionRequest, ChatCompletionResponse, ChatCompletionResponseChoice, ChatMessage and
 *     ChatCompletionLogProbs, and the same of a stream: vllm/entrypoints/openai/chat_completion/protocol.py,
 *     commit 002032ee2b18e1f7bd924ec47b62504ba3866063. `reasoning_content` of a message is renamed to
 *     `reasoning` there (_normalize_messages_before);
 *   DeltaMessage and DeltaToolCall: vllm/entrypoints/generate/base/protocol.py,
 *     commit 022e555dbb75a9a96363a04933bfdd1f0b5b123d;
 *   what is filled in when, `tool_calls` as the finish reason of a text that was cut off too, and -9999 for no
 *     logprob: the same folder's serving.py, commit 006c49d485f9ca479bf4989cbb694d0ac02f44b5.
 */

const message: Shape = {
  fields: {
    role: (role) => ['system', 'user', 'assistant', 'tool'].includes(role as string),
    content: anything,
    tool_call_id: text,
    tool_calls: listOf(
      (call) =>
        problemsOf(call, {
          fields: {
            id: text,
            type: exactly('function'),
            function: { fields: { name: text, arguments: text }, required: ['name', 'arguments'] },
          },
          required: ['id', 'type', 'function'],
        }).length === 0,
    ),
    reasoning_content: text,
    reasoning: text,
  },
  required: ['role', 'content'],
};

const tool: Shape = {
  fields: {
    type: exactly('function'),
    function: {
      fields: { name: text, description: text, parameters: anything },
      required: ['name'],
    },
  },
  required: ['type', 'function'],
};

export const chatRequest: Shape = {
  fields: {
    messages: listOf((value) => problemsOf(value, message).length === 0),
    model: text,
    frequency_penalty: number,
    logit_bias: anything,
    logprobs: exactly(true),
    // null would be no logprobs at all.
    top_logprobs: exactly(0),
    max_tokens: whole,
    max_completion_tokens: whole,
    n: exactly(1),
    presence_penalty: number,
    response_format: anything,
    seed: whole,
    stop: listOf(text),
    stream: flag,
    stream_options: { fields: { include_usage: flag, continuous_usage_stats: flag }, required: [] },
    temperature: number,
    top_p: number,
    tools: (value) =>
      Array.isArray(value) &&
      value.length > 0 &&
      value.every((one) => problemsOf(one, tool).length === 0),
    tool_choice: (value) => ['none', 'auto', 'required'].includes(value as string),
    reasoning_effort: text,
    // False leaves the ids out.
    include_reasoning: exactly(true),
    parallel_tool_calls: flag,
    top_k: whole,
    min_p: number,
    repetition_penalty: number,
    stop_token_ids: ids,
    ignore_eos: flag,
    min_tokens: whole,
    // False would put special tokens into the message's text.
    skip_special_tokens: exactly(true),
    chat_template: text,
    chat_template_kwargs: anything,
    priority: whole,
    request_id: text,
    session_id: text,
    return_tokens_as_token_ids: flag,
    return_token_ids: exactly(true),
    return_prompt_text: flag,
    cache_salt: text,
  },
  required: [
    'messages',
    'temperature',
    'top_p',
    'top_k',
    'min_p',
    'repetition_penalty',
    'presence_penalty',
    'frequency_penalty',
    'stream',
    'return_token_ids',
  ],
};

// biome-ignore lint/suspicious/noExplicitAny: a foreign body
type Body = any;

/** What the fake makes of one call. */
export interface ChatTurn {
  readonly prompt: readonly number[];
  readonly sampled: readonly number[];
  /** As the server writes it: content, tool_calls, reasoning. */
  readonly message: Readonly<Record<string, unknown>>;
  /** Default: -0.5 each. */
  readonly logprobs?: readonly number[] | undefined;
  readonly finish?: 'stop' | 'length' | 'tool_calls' | 'abort';
  /** Default: the ids of the prompt. */
  readonly promptTokens?: number;
}

/** The same as a stream, one token an event: the prompt's ids come first and the counts last. */
export function chatEvents(body: Body, turn: ChatTurn, ends: StreamEnds): EventStream {
  const { prompt, sampled, logprobs = sampled.map(() => -0.5), finish = 'stop' } = turn;
  const deltas = deltasOf(turn.message);
  const chunk = (choices: readonly unknown[], more = {}) => ({
    id: `chatcmpl-${body.request_id ?? '1'}`,
    object: 'chat.completion.chunk',
    created: 1_780_000_000,
    model: body.model ?? 'org/model',
    choices,
    ...more,
  });
  const first = { index: 0, delta: { role: 'assistant', content: '' }, logprobs: null };
  return new EventStream(
    [
      chunk([{ ...first, finish_reason: null }], {
        prompt_token_ids: body.return_token_ids === true ? prompt : null,
      }),
      ...sampled.map((id, at) =>
        chunk([
          {
            index: 0,
            delta: deltas[at] ?? {},
            logprobs:
              body.logprobs === true
                ? {
                    content: [{ token: `token_id:${id}`, logprob: logprobs[at], top_logprobs: [] }],
                  }
                : null,
            finish_reason: at === sampled.length - 1 ? finish : null,
            token_ids: body.return_token_ids === true ? [id] : null,
          },
        ]),
      ),
      ...(body.stream_options?.include_usage === true
        ? [
            chunk([], {
              usage: {
                prompt_tokens: turn.promptTokens ?? prompt.length,
                completion_tokens: sampled.length,
                total_tokens: prompt.length + sampled.length,
              },
            }),
          ]
        : []),
    ],
    ends,
  );
}

type StreamEnds = { readonly stallsAfter?: number; readonly breaksAfter?: number };

/** A message in pieces, texts in two halves, as a streaming parser may give them. */
function deltasOf({ content, reasoning, tool_calls: calls }: Body): unknown[] {
  const halves = (text: string): string[] => [text.slice(0, 2), text.slice(2)];
  const texts = (name: string, text: unknown) =>
    typeof text === 'string' ? halves(text).map((half) => ({ [name]: half })) : [];
  return [
    ...texts('reasoning', reasoning),
    ...texts('content', content),
    ...(calls ?? []).flatMap(({ id, function: target }: Body, index: number) => [
      { tool_calls: [{ index, id, type: 'function', function: { name: target.name } }] },
      ...halves(target.arguments).map((half) => ({
        tool_calls: [{ index, function: { arguments: half } }],
      })),
    ]),
  ];
}

/** An answer of the chat route; without ids as a server that does not know `return_token_ids`. */
export function chatCompletion(
  body: Body,
  turn: ChatTurn,
  { withoutIds = false, withoutLogprobs = false } = {},
): unknown {
  const { prompt, sampled, logprobs = sampled.map(() => -0.5) } = turn;
  const withIds = body.return_token_ids === true && !withoutIds;
  const spelled = (id: number | undefined): string =>
    body.return_tokens_as_token_ids === true ? `token_id:${id}` : String.fromCharCode(id ?? 0);
  return {
    id: `chatcmpl-${body.request_id ?? '1'}`,
    object: 'chat.completion',
    created: 1_780_000_000,
    model: body.model ?? 'org/model',
    choices: [
      {
        index: 0,
        message: {
          role: 'assistant',
          content: null,
          refusal: null,
          reasoning: null,
          ...turn.message,
        },
        logprobs:
          body.logprobs === true && !withoutLogprobs
            ? {
                content: logprobs.map((logprob, at) => ({
                  token: spelled(sampled[at]),
                  logprob,
                  bytes: null,
                  top_logprobs: [],
                })),
              }
            : null,
        finish_reason: turn.finish ?? 'stop',
        stop_reason: null,
        token_ids: withIds ? sampled : null,
        routed_experts: null,
      },
    ],
    usage: {
      prompt_tokens: turn.promptTokens ?? prompt.length,
      completion_tokens: sampled.length,
      total_tokens: prompt.length + sampled.length,
    },
    prompt_logprobs: null,
    prompt_token_ids: withIds ? prompt : null,
    prompt_text: null,
    kv_transfer_params: null,
  };
}
