import { describe, expect, test } from 'vitest';
import { say } from '../chatml.ts';
import { accounts, expectExact, overChat } from './over-chat.ts';

const user = say('user', 'q');
const CALLS = '<think>hmm</think>so:<call>f {"a":1}</call><call>g { }</call>';

describe('a streamed chat answer', () => {
  test('is the same as one in a piece', async () => {
    const write = (_: unknown, call: number) => ({ text: [CALLS, 'done'][call % 2]! });
    const answers = await Promise.all(
      [true, false].map(async (stream) => {
        const { ask, session, world, fake } = await overChat(write, { stream });
        const first = await ask([user]);
        const second = await ask([user, first.message, user]);
        expectExact(session.record(), world);
        expect(fake.sampled[0]!.body.stream).toBe(stream);
        return { first, second, record: session.record() };
      }),
    );
    expect(answers[0]).toEqual(answers[1]);
    expect(answers[0]!.first).toMatchObject({
      finishReason: 'tool_calls',
      message: {
        reasoning: 'hmm',
        content: [{ kind: 'text', text: 'so:' }],
        toolCalls: [
          { name: 'f', argumentsText: '{"a":1}' },
          { name: 'g', argumentsText: '{ }' },
        ],
      },
    });
  });

  test('keeps what came before an abort, as tokens of a call that nobody got', async () => {
    const { ask, fake, session } = await overChat(() => ({ text: 'a long answer' }), {
      stream: true,
      fake: { stallsAfter: 5 },
    });
    const controller = new AbortController();
    const call = ask([user], {}, controller.signal);
    await expect.poll(() => fake.sampled.length).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 100));
    controller.abort(new Error('enough'));
    await expect(call).rejects.toThrow('enough');
    await fake.sampled[0]!.clientGone;
    const record = session.record();
    expect(record.calls).toMatchObject([{ failed: true, sampledTokens: 4, finishReason: 'abort' }]);
    expect(record.segments[0]!.logprobs).toHaveLength(4);
    expect(accounts(record)['fork']).toEqual([0, { abandonedRetry: 4 }]);
  });

  test('keeps what came before a break, which is typed and not asked again', async () => {
    const { ask, fake, session, world } = await overChat(() => ({ text: 'a long answer' }), {
      stream: true,
      fake: { breaksAfter: 3 },
    });
    await expect(ask([user])).rejects.toMatchObject({
      kind: 'infrastructure_error',
      reason: 'ENGINE_REPLY_CUT_OFF',
    });
    expect(fake.sampled).toHaveLength(1);
    await expect(ask([user])).rejects.toMatchObject({ reason: 'ENGINE_REPLY_CUT_OFF' });
    const record = session.record();
    expect(record.segments.map(({ reason }) => reason)).toEqual(['start', 'branch']);
    expect(world.log).toHaveLength(2);
    expect(accounts(record)['strict']).toEqual([0, { abandonedRetry: 4 }]);
  });

  test('keeps what came before its deadline', async () => {
    const { ask, session } = await overChat(() => ({ text: 'a long answer' }), {
      stream: true,
      timeoutMs: 150,
      fake: { stallsAfter: 5 },
    });
    await expect(ask([user])).rejects.toMatchObject({ reason: 'MODEL_TIMEOUT' });
    expect(session.record().calls).toMatchObject([{ failed: true, sampledTokens: 4 }]);
  });

  test.each([
    ['{"error":{"message":"engine died"}}', 'infrastructure_error', /engine died/],
    ['{"choices":[{"delta":{"tool_calls":[{"index":3}]}}]}', 'model_error', /index is 3/],
    [
      '{"choices":[{"delta":{"content":"x"},"finish_reason":"stop"}]}',
      'model_error',
      /no prompt_token_ids/,
    ],
    ['{"choices":[]}', 'infrastructure_error', /without a finish reason/],
  ])('%s is typed', async (event, kind, message) => {
    const { ask, fake } = await overChat(() => ({ text: 'x' }), { stream: true });
    fake.fault({ raw: `data: ${event}\n\n` });
    await expect(ask([user])).rejects.toMatchObject({ kind, message });
  });
});
