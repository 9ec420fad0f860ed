import { describe, expect, test } from 'vitest';
import { textContent } from '../../../src/messages.ts';
import { createVllmChatServer } from '../../../src/models/index.ts';
import { lettersOf } from '../../support/engines/chat-world.ts';
import { result, say } from '../chatml.ts';
import { accounts, expectExact, live, overChat } from './over-chat.ts';

const user = say('user', 'q');
const says = (text: string) => () => ({ text });

describe('what is sent', () => {
  test('messages, tools and every filter by name; ids and the sampled logprob are asked for', async () => {
    const { ask, fake } = await overChat(says('ok'));
    await ask([say('system', 's'), user], {
      tools: [{ name: 'f', description: 'd', parameters: { type: 'object' } }],
      toolChoice: 'auto',
      sampling: {
        maxTokens: 5,
        seed: 1,
        stop: ['x'],
        stopTokenIds: [7],
        extra: { min_p: 0, n: 4 },
      },
    });
    expect(fake.sampled[0]!.body).toEqual({
      messages: [
        { role: 'system', content: 's' },
        { role: 'user', content: 'q' },
      ],
      tools: [
        {
          type: 'function',
          function: { name: 'f', description: 'd', parameters: { type: 'object' } },
        },
      ],
      tool_choice: 'auto',
      temperature: 1,
      top_p: 1,
      top_k: 0,
      min_p: 0,
      repetition_penalty: 1,
      presence_penalty: 0,
      frequency_penalty: 0,
      max_tokens: 5,
      seed: 1,
      stop: ['x'],
      stop_token_ids: [7],
      n: 1,
      stream: false,
      logprobs: true,
      top_logprobs: 0,
      return_token_ids: true,
      return_tokens_as_token_ids: true,
      request_id: 'r/0',
      session_id: 'r',
    });
  });

  test('the key, a model by name, the session for a router, and pictures', async () => {
    const { ask, fake } = await overChat(says('ok'), {
      apiKey: 'secret',
      model: 'm',
      affinityHeader: 'x-key',
    });
    const picture = { kind: 'image', uri: 'data:x', mediaType: 'image/png', sha256: '' } as const;
    await ask([{ role: 'user', content: [...textContent('see'), picture] }]);
    const [sent] = fake.sampled;
    expect(sent!.headers).toMatchObject({ authorization: 'Bearer secret', 'x-key': 'r' });
    expect(sent!.body).toMatchObject({
      model: 'm',
      messages: [
        {
          content: [
            { type: 'text', text: 'see' },
            { type: 'image_url', image_url: { url: 'data:x' } },
          ],
        },
      ],
    });
  });

  test('reasoning and the model’s own argument text go back as they came', async () => {
    const { ask, fake } = await overChat(says('<think>hm</think><call>f { "a":1}</call>'));
    const { message } = await ask([user]);
    await ask([user, message, result(message.toolCalls[0]!.id, '1')]);
    expect(fake.sampled[1]!.body.messages[1]).toEqual({
      role: 'assistant',
      content: null,
      reasoning_content: 'hm',
      tool_calls: [
        {
          id: 'chatcmpl-tool-1-0',
          type: 'function',
          function: { name: 'f', arguments: '{ "a":1}' },
        },
      ],
    });
  });

  test('a forced call and an empty prompt are refused', async () => {
    const { ask, fake } = await overChat(says('ok'));
    await expect(ask([user], { toolChoice: 'required' })).rejects.toMatchObject({
      reason: 'UNSUPPORTED_TOOL_CHOICE',
    });
    await expect(ask([])).rejects.toMatchObject({ field: 'messages' });
    expect(fake.sampled).toHaveLength(0);
  });
});

describe('what comes back', () => {
  test('counts, the finish reason and the weights’ announced version', async () => {
    const { ask, session, server } = await overChat(says('<call>f {}</call>'));
    expect(await ask([user])).toMatchObject({
      finishReason: 'tool_calls',
      promptTokens: 4,
      completionTokens: 18,
    });
    expect(session.record().segments[0]!.policyVersions).toEqual([
      { length: 18, announcedVersion: 3 },
    ]);
    expect(session.record().calls[0]).toMatchObject({ finishReason: 'stop', sampledTokens: 18 });
    expect(server.model).toBe('org/model');
    expect(await server.describe({ signal: live })).toMatchObject({
      contextLength: 512,
      policyVersion: 7,
      logprobMode: 'unknown',
    });
  });

  test('a call in a text that filled its limit is cut off, whatever vLLM calls it', async () => {
    const { ask } = await overChat(says('<call>f {}</call>'));
    expect(await ask([user], { sampling: { maxTokens: 18 } })).toMatchObject({
      finishReason: 'length',
    });
    expect(await ask([user], { sampling: { maxTokens: 19 } })).toMatchObject({
      finishReason: 'tool_calls',
    });
    const small = await overChat(says('<call>f {}</call>'), { contextLength: 22 });
    expect(await small.ask([user])).toMatchObject({ finishReason: 'length' });
  });

  test.each([
    ['no logprobs', { fake: { withoutLogprobs: true } }, {}, 'LOGPROBS_MISSING'],
    ['too few logprobs', {}, { logprobs: [-1] }, 'LOGPROBS_LENGTH'],
    ['-9999, which is none', {}, { logprobs: [-1, -9999, -1] }, 'LOGPROBS_NOT_FINITE'],
    ['another count of the prompt', {}, { promptTokens: 3 }, 'PROMPT_NOT_VERBATIM'],
  ])('%s is refused, and what was sampled is in the account', async (_, options, more, reason) => {
    const { ask, session } = await overChat(() => ({ text: 'ok', more }), options);
    await expect(ask([user])).rejects.toMatchObject({ kind: 'model_error', reason });
    const record = session.record();
    expect(record.calls[0]).toMatchObject({ failed: true, sampledTokens: 3 });
    expect(accounts(record)['strict']).toEqual([0, { abandonedRetry: 3 }]);
  });

  test('with `mark` such a turn is kept, and nothing of its segment is trained', async () => {
    const { ask, session } = await overChat(
      (_, call) => ({ text: 'ok', ...(call === 1 && { more: { logprobs: [-1] } }) }),
      { onLie: 'mark' },
    );
    const first = await ask([user]);
    const second = await ask([user, first.message, user]);
    await ask([user, first.message, user, second.message, user]);
    const record = session.record();
    expect(record.segments).toMatchObject([{ logprobs: undefined }]);
    expect(accounts(record)['fork']).toEqual([0, { notForTraining: 9 }]);
  });

  test('an entry that is of another token than was sampled is a lie', async () => {
    const { ask, fake, session } = await overChat(says('ok'));
    const ids = lettersOf('ok');
    const entry = (id: number) => ({ token: `token_id:${id}`, logprob: -1, top_logprobs: [] });
    fake.fault({
      raw: JSON.stringify({
        prompt_token_ids: [1, 2],
        choices: [
          {
            message: { role: 'assistant', content: 'ok' },
            finish_reason: 'stop',
            token_ids: ids,
            logprobs: { content: [entry(ids[0]!), entry(7)] },
          },
        ],
      }),
    });
    await expect(ask([user])).rejects.toMatchObject({
      reason: 'BAD_ENGINE_REPLY',
      field: 'choices[0].logprobs.content[1]',
    });
    expect(session.record().sampledTokens).toBe(2);
  });

  test('a server that gives no ids is told how to be one that does', async () => {
    const { ask, session } = await overChat(says('ok'), { fake: { withoutIds: true } });
    await expect(ask([user])).rejects.toMatchObject({
      kind: 'model_error',
      reason: 'TOKEN_IDS_MISSING',
      message: /prompt_token_ids.*vllm serve.*0\.10\.2/s,
    });
    expect(session.record()).toMatchObject({ modelCalls: 1, sampledTokens: 0, segments: [] });
  });

  test.each([
    '[]',
    '{}',
    '{"choices": [{}]}',
    '{"choices": [{"message": {}}], "prompt_token_ids": []}',
  ])('an answer of another shape is typed: %s', async (raw) => {
    const { ask, fake } = await overChat(says('ok'));
    fake.fault({ raw });
    await expect(ask([user])).rejects.toMatchObject({ kind: 'model_error' });
  });

  test('a picture’s places are tokens like others', async () => {
    const { ask, session, world } = await overChat(says('ok'));
    const picture = { kind: 'image', uri: 'data:x', mediaType: 'image/png', sha256: '' } as const;
    await ask([{ role: 'user', content: [...textContent('see'), picture] }]);
    expectExact(session.record(), world);
  });
});

describe('before the first call', () => {
  test('the server is probed once, and is captured at best', async () => {
    const { ask, server, fake, session } = await overChat(says('ok'), { probe: 'auto' });
    const probe = await server.probe({ signal: live });
    expect(probe).toMatchObject({ tier: 'captured', versions: 'none' });
    const found = Object.fromEntries(
      probe!.findings.map(({ probe: name, outcome }) => [name, outcome]),
    );
    expect(found).toMatchObject({ ids_out: 'yes', prompt_verbatim: 'unknown' });
    const before = fake.sampled.length;
    await ask([user]);
    await ask([user]);
    expect(fake.sampled).toHaveLength(before + 2);
    expect(session.record()).toMatchObject({ modelCalls: 2, logprobMode: 'raw' });
  });

  test.each([
    ['ids', { withoutIds: true }, /prompt_token_ids/],
    ['logprobs', { withoutLogprobs: true }, /3 ids came, and no logprobs/],
  ])('a server without %s is refused where tokens are trained', async (_, fake, message) => {
    const { ask, session } = await overChat(says('ok'), { probe: 'auto', fake });
    await expect(ask([user])).rejects.toMatchObject({ reason: 'ENGINE_NOT_TRAINABLE', message });
    expect(session.record().modelCalls).toBe(0);
  });

  test('raw logprobs and a temperature are refused, unless allowed', async () => {
    const sampling = { temperature: 0.5 };
    const raw = await overChat(says('ok'), { logprobMode: 'raw' });
    await expect(raw.ask([user], { sampling })).rejects.toMatchObject({ reason: 'RAW_LOGPROBS' });
    const unknown = await overChat(says('ok'), { probe: 'auto', logprobMode: 'processed' });
    // The fake's logprobs are the same at any temperature, and the probe sees that.
    await expect(unknown.ask([user], { sampling })).rejects.toMatchObject({
      reason: 'RAW_LOGPROBS',
    });
    const allowed = await overChat(says('ok'), { logprobMode: 'raw', allow: ['raw_logprobs'] });
    await allowed.ask([user], { sampling });
    const processed = await overChat(says('ok'), { logprobMode: 'processed' });
    await processed.ask([user], { sampling });
  });

  test('an evaluation asks for no logprobs, and is not probed', async () => {
    const { ask, fake, session } = await overChat(says('ok'), {
      logprobs: 'ignore',
      probe: 'auto',
    });
    await ask([user], { sampling: { temperature: 0.5 } });
    expect(fake.sampled).toHaveLength(1);
    expect(fake.sampled[0]!.body).not.toHaveProperty('logprobs');
    expect(session.record().segments[0]!.logprobs).toBeUndefined();
  });

  test('turns are scored again over the completions route, with the very ids', async () => {
    const { ask, fake, server } = await overChat(says('ok'), { canary: { share: 1 } });
    await ask([user]);
    await expect.poll(() => server.drift()?.turns).toBe(1);
    const { body } = fake.sampled.find(({ path }) => path === '/v1/completions')!;
    expect(body.prompt).toEqual([2, ...lettersOf('q'), 9, 3, ...lettersOf('ok'), 9]);
  });

  test('a wrong address is told without its password', () => {
    expect(() => createVllmChatServer({ url: 'ftp://u:pw@x' })).toThrow(/url.*no http/);
    expect(() => createVllmChatServer({ url: 'ftp://u:pw@x' })).not.toThrow(/pw/);
  });
});
