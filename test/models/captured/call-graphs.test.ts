import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Message } from '../../../src/messages.ts';
import { oddly } from '../../support/engines/chat-world.ts';
import { result, say } from '../chatml.ts';
import { accounts, expectExact, overChat } from './over-chat.ts';

/** What the agent does before its next call, and how the model then writes. */
const step = fc.record({
  move: fc.constantFrom(
    'ask',
    'ask',
    'again',
    'rewrite',
    'compact',
    'side',
    'helper',
    'twoAtOnce',
    'dropThinking',
  ),
  text: fc.constantFrom(
    'ok',
    '<think>hm</think>so',
    '<call>f {"a":1}</call>',
    '<call>f { }</call>',
  ),
  spelledOddly: fc.boolean(),
});

/** Whatever an agent does and however the server spells it, what it read and sampled is what is held. */
test('random agents: every call is exact, and the account balances under every policy', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 9 }), async (steps) => {
      let now = steps[0]!;
      const { ask, session, world, server, fake } = await overChat(() => ({
        text: now.text,
        ...(now.spelledOddly && { ids: oddly(now.text) }),
      }));
      let history: Message[] = [say('system', 's'), say('user', 'q')];
      const go = async (messages: Message[], request = {}) => {
        const { message } = await ask(messages, request);
        return [
          ...messages,
          message,
          ...message.toolCalls.map(({ id }) => result(id, 'r')),
          ...(message.toolCalls.length === 0 ? [say('user', 'next')] : []),
        ];
      };
      for (const [n, each] of steps.entries()) {
        now = each;
        switch (each.move) {
          case 'ask':
            history = await go(history);
            break;
          case 'again':
            await go(history);
            history = await go(history);
            break;
          case 'rewrite':
            history = await go([...history.slice(0, -1), say('user', `other ${n}`)]);
            break;
          case 'compact':
            history = await go([history[0]!, say('user', `so far: ${n}`)]);
            break;
          case 'side':
            await go([say('user', `title ${n}`)]);
            break;
          case 'helper':
            await go([say('user', `help ${n}`)], { lineage: { agent: 'helper' } });
            break;
          case 'twoAtOnce':
            [history] = (await Promise.all([
              go(history),
              go([...history, say('user', `${n}`)]),
            ])) as [Message[], Message[]];
            break;
          case 'dropThinking':
            history = await go(history.map(withoutThinking));
            break;
        }
      }
      const record = session.record();
      expectExact(record, world);
      const sampled = world.log.reduce((sum, call) => sum + call.sampled.length, 0);
      expect(record.sampledTokens).toBe(sampled);
      const { strict, fork } = accounts(record);
      expect(fork![1]).toEqual({ trained: sampled });
      expect(strict![1].abandonedRetry).toBeUndefined();
      await server.close();
      await fake[Symbol.asyncDispose]();
    }),
    { numRuns: 60 },
  );
});

function withoutThinking(message: Message): Message {
  if (message.role !== 'assistant') return message;
  const { reasoning: _, ...rest } = message;
  return rest;
}
