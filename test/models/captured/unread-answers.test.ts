import { describe, expect, test } from 'vitest';
import { lettersOf } from '../../support/engines/chat-world.ts';
import { say } from '../chatml.ts';
import { accounts, overChat } from './over-chat.ts';

const user = say('user', 'q');
const says = (text: string) => () => ({ text });

describe('what can not be read of an answer', () => {
  test.each<[string, object, string]>([
    ['no prompt', { prompt_token_ids: null }, 'TOKEN_IDS_MISSING'],
    ['a prompt of no ids', { prompt_token_ids: ['a'] }, 'BAD_ENGINE_REPLY'],
    ['no message', { message: null }, 'BAD_ENGINE_REPLY'],
    ['an id that is none', { token_ids: [...lettersOf('ok'), null] }, 'BAD_ENGINE_REPLY'],
  ])(
    'of an answer with %s the ids that were sampled are in the account',
    async (_, more, reason) => {
      for (const onLie of ['refuse', 'mark'] as const) {
        const { ask, fake, session } = await overChat(says('ok'), { onLie });
        const answer = {
          prompt_token_ids: [1, 2],
          message: { role: 'assistant', content: 'ok' },
          token_ids: lettersOf('ok'),
          ...more,
        };
        const { prompt_token_ids, ...choice } = answer;
        fake.fault({
          raw: JSON.stringify({
            prompt_token_ids,
            choices: [{ finish_reason: 'stop', ...choice }],
          }),
        });
        await expect(ask([user])).rejects.toMatchObject({ kind: 'model_error', reason });
        expect(accounts(session.record())['strict']).toEqual([0, { abandonedRetry: 2 }]);
      }
    },
  );

  test('an id beyond the vocabulary is refused, where its size is given', async () => {
    const { ask, session } = await overChat(says('ok'), { vocabularySize: 200 });
    await expect(ask([user])).rejects.toMatchObject({ reason: 'TOKEN_OUT_OF_VOCABULARY' });
    expect(session.record().sampledTokens).toBe(3);
  });
});
