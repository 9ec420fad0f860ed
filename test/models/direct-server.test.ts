import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { LachesisError } from '../../src/errors.ts';
import type { Message } from '../../src/messages.ts';
import { textOf } from '../../src/messages.ts';
import type { CompletionRequest, DirectServerOptions } from '../../src/models/index.ts';
import { createDirectServer } from '../../src/models/index.ts';
import {
  type ScriptedOpenAIReply,
  type ScriptedOpenAIRequest,
  scriptedToolCall,
  startScriptedOpenAI,
} from '../support/scripted-openai.ts';

const user: Message = { role: 'user', content: [{ kind: 'text', text: 'hello' }] };

async function ask(
  reply: ScriptedOpenAIReply | ((request: ScriptedOpenAIRequest) => ScriptedOpenAIReply),
  request: Partial<CompletionRequest> = {},
  options: Partial<DirectServerOptions> = {},
  signal: AbortSignal = new AbortController().signal,
) {
  await using api = await startScriptedOpenAI({
    reply: (incoming) => (typeof reply === 'function' ? reply(incoming) : reply),
  });
  const server = createDirectServer({ baseUrl: api.baseUrl, model: 'm', ...options });
  const session = server.openSession({ rolloutId: 'r', announcedVersion: () => 0 });
  try {
    const completion = await session.complete(
      { messages: [user], tools: [], sampling: {}, ...request },
      { signal },
    );
    return { completion, requests: api.requests, record: session.record() };
  } finally {
    await server.close();
  }
}

async function failure(...args: Parameters<typeof ask>): Promise<LachesisError> {
  const error = await ask(...args).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(LachesisError);
  return error as LachesisError;
}

describe('the request', () => {
  test('spells every kind of message, tools and sampling as the API has them', async () => {
    const messages: Message[] = [
      { role: 'system', content: [{ kind: 'text', text: 'be brief' }] },
      {
        role: 'user',
        content: [
          { kind: 'text', text: 'what is this?' },
          { kind: 'image', uri: 'data:image/png;base64,AA==', mediaType: 'image/png', sha256: '' },
          { kind: 'opaque', type: 'input_audio', json: '{"data":"x"}' },
        ],
      },
      {
        role: 'assistant',
        content: [],
        reasoning: 'look it up',
        toolCalls: [{ id: 'c1', name: 'f', argumentsText: '{"a" :1.0}', argumentsJson: '{"a":1}' }],
      },
      { role: 'tool', content: [{ kind: 'text', text: 'ok' }], toolCallId: 'c1', toolName: 'f' },
    ];
    const { requests } = await ask(
      { message: { content: 'done' } },
      {
        messages,
        tools: [{ name: 'f', description: 'd', parameters: { type: 'object' } }],
        toolChoice: 'auto',
        sampling: {
          temperature: 0,
          topP: 0.9,
          topK: 5,
          maxTokens: 7,
          stop: ['x'],
          stopTokenIds: [2],
          seed: 3,
          extra: { min_p: 0.1, stream: true, model: 'other' },
        },
      },
      { apiKey: 'secret', headers: { 'x-extra': '1' } },
    );
    expect(requests[0]?.body).toEqual({
      min_p: 0.1,
      model: 'm',
      messages: [
        { role: 'system', content: 'be brief' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'what is this?' },
            { type: 'image_url', image_url: { url: 'data:image/png;base64,AA==' } },
            { data: 'x', type: 'input_audio' },
          ],
        },
        {
          role: 'assistant',
          content: null,
          tool_calls: [
            { id: 'c1', type: 'function', function: { name: 'f', arguments: '{"a" :1.0}' } },
          ],
          reasoning_content: 'look it up',
        },
        { role: 'tool', tool_call_id: 'c1', content: 'ok' },
      ],
      tools: [
        {
          type: 'function',
          function: { name: 'f', description: 'd', parameters: { type: 'object' } },
        },
      ],
      tool_choice: 'auto',
      temperature: 0,
      top_p: 0.9,
      top_k: 5,
      max_tokens: 7,
      stop: ['x'],
      stop_token_ids: [2],
      seed: 3,
    });
    expect(requests[0]?.headers).toMatchObject({ authorization: 'Bearer secret', 'x-extra': '1' });
  });

  test('says nothing that was not given, and sends no authorization without a key', async () => {
    const { requests } = await ask({ message: { content: 'hi' } });
    expect(requests[0]?.body).toEqual({
      model: 'm',
      messages: [{ role: 'user', content: 'hello' }],
    });
    expect(requests[0]?.headers.authorization).toBeUndefined();
  });
});

describe('the answer', () => {
  test('keeps argument text verbatim and counts usage', async () => {
    const { completion, record } = await ask({
      message: { content: null, tool_calls: [scriptedToolCall('c9', 'f', '{"a" : 1.0, }')] },
    });
    expect(completion).toEqual({
      message: {
        role: 'assistant',
        content: [],
        toolCalls: [{ id: 'c9', name: 'f', argumentsText: '{"a" : 1.0, }' }],
      },
      finishReason: 'tool_calls',
      promptTokens: 10,
      completionTokens: 5,
    });
    expect(record).toEqual({
      segments: [],
      sampledTokens: undefined,
      modelCalls: 1,
      calls: [],
      rendering: undefined,
      logprobMode: undefined,
    });
  });

  test.each([
    ['reasoning_content first', { reasoning_content: 'a', reasoning: 'b' }, 'a'],
    [
      'then reasoning',
      { reasoning_content: '', reasoning: 'b', reasoning_details: [{ text: 'c' }] },
      'b',
    ],
    [
      'then the first detail with text',
      { reasoning_details: [{}, { text: 'c' }, { text: 'd' }] },
      'c',
    ],
    ['none of them', { reasoning: 7, reasoning_details: 'x' }, undefined],
  ])('reasoning: %s', async (_, fields, reasoning) => {
    const { completion } = await ask({ message: { content: 'x', ...fields } });
    expect(completion.message.reasoning).toBe(reasoning);
  });

  test.each([
    ['an object', { a: [1] }, '{"a":[1]}'],
    ['null', null, ''],
    ['a number', 5, '5'],
  ])('arguments that are %s', async (_, args, text) => {
    const { completion } = await ask({
      message: { content: '', tool_calls: [{ id: 'c', function: { name: 'f', arguments: args } }] },
    });
    expect(completion.message.toolCalls[0]?.argumentsText).toBe(text);
  });

  test('missing, repeated and flat calls get ids of their own', async () => {
    const { completion } = await ask({
      message: {
        content: [
          { type: 'text', text: 'two ' },
          { type: 'text', text: 'parts' },
        ],
        tool_calls: [{ id: 'c', name: 'f', arguments: '{}' }, { id: 'c', name: 'g' }, {}, 'odd'],
      },
    });
    expect(textOf(completion.message)).toBe('two parts');
    const ids = completion.message.toolCalls.map((call) => call.id);
    expect(new Set(ids).size).toBe(4);
    expect(ids[0]).toBe('c');
    expect(completion.message.toolCalls.map((call) => call.name)).toEqual(['f', 'g', '', '']);
  });

  test('the form before tool calls is read too', async () => {
    const { completion } = await ask({
      message: { content: null, function_call: { name: 'f', arguments: '{}' } },
    });
    expect(completion.message.toolCalls).toMatchObject([{ name: 'f', argumentsText: '{}' }]);
  });

  test.each([
    ['no choices', { choices: [] }],
    ['choices null', { choices: null }],
    ['a choice without message', { choices: [{ message: null, finish_reason: 'stop' }] }],
    ['an empty object', {}],
  ])('%s is an empty completion', async (_, json) => {
    const { completion } = await ask({ json });
    expect(completion).toEqual({
      message: { role: 'assistant', content: [], toolCalls: [] },
      finishReason: 'empty',
    });
  });

  test('unknown usage stays absent', async () => {
    const { completion } = await ask({
      message: { content: 'x' },
      usage: { prompt_tokens: null, completion_tokens: -1 },
    });
    expect(completion).not.toHaveProperty('promptTokens');
    expect(completion).not.toHaveProperty('completionTokens');
  });
});

describe('a failure', () => {
  test.each([
    [400, 'model_error', 'MODEL_REQUEST_REFUSED'],
    [401, 'model_error', 'MODEL_REQUEST_REFUSED'],
    [404, 'model_error', 'MODEL_REQUEST_REFUSED'],
    [408, 'infrastructure_error', 'MODEL_SERVER_UNAVAILABLE'],
    [429, 'infrastructure_error', 'MODEL_SERVER_BUSY'],
    [500, 'infrastructure_error', 'MODEL_SERVER_UNAVAILABLE'],
    [503, 'infrastructure_error', 'MODEL_SERVER_UNAVAILABLE'],
  ])('status %i is a %s, asked once', async (status, kind, reason) => {
    let asked = 0;
    const error = await failure(() => {
      asked += 1;
      return { status, json: { error: { message: 'no' } } };
    });
    expect(error).toMatchObject({ kind, reason, metadata: { status: String(status) } });
    expect(error.metadata['retryable']).toBe(kind === 'infrastructure_error' ? 'true' : undefined);
    expect(error.retryAfterMs).toBe(kind === 'infrastructure_error' ? 0 : undefined);
    expect(asked).toBe(1);
  });

  test('retry-after is passed on', async () => {
    const error = await failure({ status: 429, headers: { 'retry-after': '2' }, json: {} });
    expect(error.retryAfterMs).toBe(2000);
  });

  test.each([
    [{ code: 'context_length_exceeded', message: 'too long' }],
    [{ message: "This model's maximum context length is 8192 tokens." }],
  ])('a prompt that is too long is CONTEXT_OVERFLOW', async (detail) => {
    const error = await failure({ status: 400, json: { error: detail } });
    expect(error).toMatchObject({ kind: 'model_error', reason: 'CONTEXT_OVERFLOW' });
  });

  test.each([
    ['a complete response with half a JSON', { raw: '{"choices": [{"mess' }, 'model_error'],
    ['text', { raw: '<html>', headers: { 'content-type': 'text/html' } }, 'model_error'],
    ['nothing', { raw: '' }, 'model_error'],
    ['a list', { json: [] }, 'model_error'],
    ['a cut connection', { raw: '{"choices": [', ending: 'cut' as const }, 'infrastructure_error'],
    [
      'an error with 200',
      { json: { error: { code: 502, message: 'up' } } },
      'infrastructure_error',
    ],
    ['a refusal with 200', { json: { error: { code: 400, message: 'no' } } }, 'model_error'],
  ])('%s is typed', async (_, reply, kind) => {
    expect(await failure(reply)).toMatchObject({ kind });
  });

  test('no server at all is retryable and names the address', async () => {
    const api = await startScriptedOpenAI({ reply: () => ({}) });
    await api.close();
    const error = await failure({}, {}, { baseUrl: api.baseUrl });
    expect(error).toMatchObject({
      kind: 'infrastructure_error',
      reason: 'MODEL_SERVER_UNREACHABLE',
      metadata: { retryable: 'true' },
    });
    expect(error.message).toContain(api.baseUrl);
  });

  test.each([['before the headers', { ending: 'hang' as const }]])(
    'a deadline %s is retryable',
    async (_, reply) => {
      const error = await failure(reply, {}, { timeoutMs: 50 });
      expect(error).toMatchObject({ kind: 'infrastructure_error', reason: 'MODEL_TIMEOUT' });
    },
  );

  test('an answer over the limit is refused', async () => {
    const error = await failure(
      { message: { content: 'x'.repeat(5000) } },
      {},
      { maxResponseBytes: 1000 },
    );
    expect(error.kind).toBe('infrastructure_error');
  });
});

test.each([
  ['before the headers', { ending: 'hang' as const }],
  ['inside the body', { raw: '{', ending: 'stall' as const }],
])('an abort %s throws its reason and closes the socket within 100 ms', async (_, reply) => {
  const arrived = Promise.withResolvers<ScriptedOpenAIRequest>();
  await using api = await startScriptedOpenAI({
    reply: (request) => {
      arrived.resolve(request);
      return reply;
    },
  });
  const server = createDirectServer({ baseUrl: api.baseUrl, model: 'm' });
  const session = server.openSession({ rolloutId: 'r', announcedVersion: () => 0 });
  const controller = new AbortController();
  const reason = new Error('enough');
  const call = session.complete(
    { messages: [user], tools: [], sampling: {} },
    { signal: controller.signal },
  );
  const settled = expect(call).rejects.toBe(reason);
  const request = await arrived.promise;
  controller.abort(reason);
  await settled;
  const closed = await Promise.race([
    request.clientGone.then(() => 'closed'),
    pause(100, 'still open'),
  ]);
  expect(closed).toBe('closed');
  await server.close();
});

test('sixteen calls share a session’s server without mixing answers', async () => {
  await using api = await startScriptedOpenAI({
    reply: ({ body }) => ({ message: { content: `echo ${body.messages[0].content}` } }),
  });
  const server = createDirectServer({ baseUrl: api.baseUrl, model: 'm', maxConnections: 4 });
  const answers = await Promise.all(
    Array.from({ length: 16 }, (_, n) =>
      server.openSession({ rolloutId: `r${n}`, announcedVersion: () => 0 }).complete(
        {
          messages: [{ role: 'user', content: [{ kind: 'text', text: String(n) }] }],
          tools: [],
          sampling: {},
        },
        { signal: new AbortController().signal },
      ),
    ),
  );
  expect(answers.map(({ message }) => textOf(message))).toEqual(
    Array.from({ length: 16 }, (_, n) => `echo ${n}`),
  );
  await server.close();
});

test('options that can’t work are refused with their field', () => {
  expect(() => createDirectServer({ baseUrl: 'localhost:1', model: 'm' })).toThrow(/baseUrl/);
  expect(() => createDirectServer({ baseUrl: 'http://h/v1', model: '' })).toThrow(/model/);
});
