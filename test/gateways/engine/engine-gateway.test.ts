import OpenAI from 'openai';
import { expect, test } from 'vitest';
import { type EngineFaults, engineGateway } from '../../../src/gateways/index.ts';
import {
  createEmbeddedPolicy,
  type EmbeddedPolicy,
  readBaseCheckpoint,
  specialId,
} from '../../../src/policy/index.ts';
import { startListener } from '../../../src/transport/index.ts';

const checkpoint = await readBaseCheckpoint();

interface Engine {
  readonly url: string;
  readonly policy: EmbeddedPolicy;
  post(path: string, body: unknown): Promise<Response>;
  [Symbol.asyncDispose](): Promise<void>;
}

async function start(faults: EngineFaults = {}): Promise<Engine> {
  const policy = createEmbeddedPolicy({ checkpoint });
  const listener = await startListener({
    routes: () => {},
    fallbacks: engineGateway({ policy, faults, public: true }),
  });
  const url = `http://127.0.0.1:${listener.address.port}`;
  return {
    url,
    policy,
    post: (path, body) =>
      fetch(`${url}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),
    [Symbol.asyncDispose]: async () => {
      policy[Symbol.dispose]();
      await listener[Symbol.asyncDispose]();
    },
  };
}

const tools = [{ type: 'function' as const, function: { name: 'price', parameters: {} } }];
const ask = {
  model: 'any',
  messages: [{ role: 'user' as const, content: 'How much is the lamp?' }],
};

test('the unmodified openai client completes a chat with ids, logprobs and the same seed twice', async () => {
  await using engine = await start();
  const client = new OpenAI({ baseURL: `${engine.url}/v1`, apiKey: 'none', maxRetries: 0 });
  const body = { ...ask, tools, seed: 7, logprobs: true, return_token_ids: true } as const;
  const [first, second] = await Promise.all([
    client.chat.completions.create(body),
    client.chat.completions.create(body),
  ]);
  const choice = first.choices[0] as (typeof first.choices)[0] & { token_ids: number[] };
  expect(choice.token_ids.length).toBe(first.usage?.completion_tokens);
  expect(choice.logprobs?.content).toHaveLength(choice.token_ids.length);
  expect((second.choices[0] as typeof choice).token_ids).toEqual(choice.token_ids);
  expect(first).toMatchObject({ weight_version: 0 });
});

test('token in, token out: the generate route continues given ids and reports weight versions', async () => {
  await using engine = await start();
  const { tokens } = (await (await engine.post('/tokenize', ask)).json()) as { tokens: number[] };
  const answer = (await (
    await engine.post('/inference/v1/generate', {
      token_ids: tokens,
      sampling_params: { max_tokens: 5, seed: 1, logprobs: 0 },
    })
  ).json()) as {
    choices: { token_ids: number[]; logprobs: { content: { token_id: number }[] } }[];
  };
  const [choice] = answer.choices;
  expect(choice?.logprobs.content.map(({ token_id }) => token_id)).toEqual(choice?.token_ids);
  expect(choice).toMatchObject({
    weight_versions: [{ start: 0, end: choice?.token_ids.length, weight_version: 0 }],
  });
  const { prompt } = (await (await engine.post('/detokenize', { tokens })).json()) as {
    prompt: string;
  };
  expect(prompt).toBe('<|im_start|>user\nHow much is the lamp?<|im_end|>\n<|im_start|>assistant\n');
});

test('a streamed chat says the same as one that is not', async () => {
  await using engine = await start();
  const client = new OpenAI({ baseURL: `${engine.url}/v1`, apiKey: 'none', maxRetries: 0 });
  for (let seed = 0; seed < 12; seed++) {
    const whole = await client.chat.completions.create({ ...ask, tools, seed });
    let content = '';
    const calls: string[] = [];
    let finish: string | null = null;
    const stream = await client.chat.completions.create({ ...ask, tools, seed, stream: true });
    for await (const chunk of stream) {
      const choice = chunk.choices[0];
      content += choice?.delta.content ?? '';
      for (const call of choice?.delta.tool_calls ?? []) calls.push(call.function?.arguments ?? '');
      finish = choice?.finish_reason ?? finish;
    }
    const choice = whole.choices[0];
    expect(content).toBe(choice?.message.content ?? '');
    expect(calls).toEqual(
      (choice?.message.tool_calls ?? []).map((call) =>
        call.type === 'function' ? call.function.arguments : '',
      ),
    );
    expect(finish).toBe(choice?.finish_reason);
  }
});

test('completions take text or ids, several prompts and n', async () => {
  await using engine = await start();
  const answer = (await (
    await engine.post('/v1/completions', {
      prompt: ['ab', 'cd'],
      n: 2,
      max_tokens: 3,
      logprobs: 1,
      prompt_logprobs: 0,
      return_token_ids: true,
    })
  ).json()) as { choices: { index: number; prompt_logprobs: unknown[] }[] };
  expect(answer.choices.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
  expect(answer.choices[0]?.prompt_logprobs[0]).toBeNull();
});

test('the faults are what they say', async () => {
  const ids = [...createEmbeddedPolicy({ checkpoint }).tokenizer.encode('x')];
  const request = { token_ids: ids, sampling_params: { max_tokens: 64, seed: 3, logprobs: 0 } };
  const close = specialId('<|im_end|>');
  const choiceOf = async (faults: EngineFaults) => {
    await using engine = await start(faults);
    const { choices } = (await (await engine.post('/inference/v1/generate', request)).json()) as {
      choices: { token_ids: number[]; logprobs: { content: { logprob: number | null }[] } }[];
    };
    return choices[0]!;
  };
  const healthy = await choiceOf({});
  expect(healthy.token_ids.at(-1)).toBe(close);
  expect((await choiceOf({ dropStopToken: true })).token_ids).toEqual(
    healthy.token_ids.slice(0, -1),
  );
  expect((await choiceOf({ nullLogprobs: true })).logprobs.content[0]?.logprob).toBeNull();

  await using refusing = await start({ failFirst: 1, failStatus: 429 });
  const refused = await refusing.post('/inference/v1/generate', request);
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1']);
  expect((await refusing.post('/inference/v1/generate', request)).status).toBe(200);

  await using cut = await start({ truncateBody: true });
  const body = await cut.post('/inference/v1/generate', request);
  await expect(body.json()).rejects.toThrow(SyntaxError);
});

test.each([
  ['/v1/chat/completions', {}, 'messages'],
  ['/v1/chat/completions', { messages: [{ role: 'robot' }] }, 'messages[0].role'],
  ['/v1/chat/completions', { ...ask, stop: ['x'] }, 'stop'],
  ['/v1/chat/completions', { ...ask, temperature: 'hot' }, 'temperature'],
  ['/v1/completions', { prompt: 5 }, 'prompt'],
  ['/inference/v1/generate', { token_ids: [99_999] }, 'promptIds[0]'],
  ['/inference/v1/generate', { token_ids: [1], sampling_params: { n: 0 } }, 'n'],
])('%s with %j names the field in its error', async (path, body, field) => {
  await using engine = await start();
  const answer = await engine.post(path, body);
  expect(answer.status).toBe(400);
  expect(await answer.json()).toMatchObject({ error: { param: field } });
});

test('a client that goes away ends the sampling', async () => {
  await using engine = await start();
  const abort = new AbortController();
  const call = fetch(`${engine.url}/v1/completions`, {
    method: 'POST',
    body: JSON.stringify({ prompt: 'x', max_tokens: 4000, stop_token_ids: [1] }),
    signal: abort.signal,
  });
  await expect.poll(() => engine.policy.describe().activeGenerations).toBe(1);
  abort.abort();
  await expect(call).rejects.toThrow();
  await expect.poll(() => engine.policy.describe().activeGenerations).toBe(0);
});
