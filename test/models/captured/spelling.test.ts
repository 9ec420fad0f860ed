import { describe, expect, test } from 'vitest';
import type { AssistantMessage } from '../../../src/messages.ts';
import { textContent } from '../../../src/messages.ts';
import { spells } from '../../../src/models/captured/message-spelling.ts';
import { say } from '../chatml.ts';
import { live, overChat } from './over-chat.ts';

const user = say('user', 'q');

describe('a message and the ids that it is said to be of', () => {
  const saysOther = () => ({ text: 'ok', more: { message: { content: 'rm -rf' } } });

  test('are held against each other by the server’s own /detokenize', async () => {
    const { ask, session } = await overChat(saysOther);
    await expect(ask([user])).rejects.toMatchObject({
      kind: 'model_error',
      reason: 'TEXT_DISAGREES',
    });
    expect(session.record().sampledTokens).toBe(3);
  });

  test('may disagree where that is marked, and nothing of it is trained', async () => {
    const { ask, session } = await overChat(saysOther, { onLie: 'mark' });
    await ask([user]);
    expect(session.record().segments[0]!.spans.at(-1)).toMatchObject({ loss: 'not_for_training' });
  });

  test('are not compared where the server has no such route, and the probe says so', async () => {
    const fake = { detokenize: undefined as never };
    const { ask, fake: server } = await overChat(saysOther, { fake });
    await ask([user]);
    await ask([user, user]);
    const asked = server.requests.filter(({ path }) => path === '/detokenize');
    expect(asked).toHaveLength(1);
    for (const [detokenize, outcome] of [
      [undefined as never, 'unknown'],
      [() => 'ok', 'yes'],
    ] as const) {
      const probed = await overChat(() => ({ text: 'ok' }), {
        probe: 'auto',
        fake: { detokenize },
      });
      const found = await probed.server.probe({ signal: live });
      expect(found!.findings.find(({ probe }) => probe === 'spelling')).toMatchObject({ outcome });
    }
  });

  test('are not compared where that is told', async () => {
    const { ask, fake } = await overChat(saysOther, { checkSpelling: 'never' });
    await ask([user]);
    expect(fake.requests.some(({ path }) => path === '/detokenize')).toBe(false);
  });

  test('that the server can not spell are none of its own', async () => {
    const { ask } = await overChat(() => ({ text: 'ok' }), { fake: { detokenize: () => '' } });
    await expect(ask([user])).rejects.toMatchObject({ reason: 'TEXT_DISAGREES' });
  });
});

describe('a text spells a message', () => {
  const says = (text: string): AssistantMessage => ({
    role: 'assistant',
    content: textContent(text),
    toolCalls: [],
  });
  const thinks = (reasoning: string): AssistantMessage => ({ ...says('so'), reasoning });
  const calls = (argumentsText: string): AssistantMessage => ({
    ...says(''),
    toolCalls: [{ id: 'c', name: 'f', argumentsText }],
  });

  test.each<[string, string, AssistantMessage, boolean]>([
    ['its words in other spaces', 'a  b<|im_end|>', says('a b'), true],
    ['other words', 'a b', says('a c'), false],
    ['letters apart', 'axb', says('ab'), false],
    ['nothing said', '<|im_end|>', says(''), true],
    ['reasoning before it', '<think>hm</think>so', thinks('hm'), true],
    ['other reasoning', '<think>hm</think>so', thinks('ah'), false],
    ['arguments spelled anew', '<f>{"a":"x\\ny\\u00e9"}', calls('{"a": "x\\nyé"}'), true],
    ['arguments of tags', '<f><a>one</a>', calls('{"a": "one"}'), true],
    ['other arguments', '<f><a>one</a>', calls('{"a": "two"}'), false],
    ['another name', '<g>{"a": 1}', calls('{"a": 1}'), false],
    ['numbers of a list', 'f[1.50, True]', calls('{"f": [1.5, true]}'), true],
    ['arguments that are no JSON', '<f>{"a"', calls('{"a"'), true],
  ])('with %s', (_, text, message, expected) => {
    expect(spells(text, message, 'auto')).toBe(expected);
  });

  test('of a call that was forced the name stands nowhere', () => {
    expect(spells('{"a": 1}', calls('{"a": 1}'), 'required')).toBe(true);
  });
});
