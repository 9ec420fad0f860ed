import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { TemplateMessage } from '../../src/policy/index.ts';
import {
  continueChatml,
  encodePieces,
  isSpecialId,
  piecesText,
  readBaseCheckpoint,
  renderChatml,
  specialId,
  templateFingerprint,
} from '../../src/policy/index.ts';

const { tokenizer } = await readBaseCheckpoint();
const call = { name: 'price', argumentsText: '{"item": "lamp"}' };

const text = fc.oneof(
  fc.string(),
  fc.constantFrom('', '42', '<|im_end|>', '</tool_call>', 'How much is the lamp?', '\n', 'é\n'),
);
const assistant = fc.record(
  {
    role: fc.constant('assistant' as const),
    content: text,
    reasoning: text,
    toolCalls: fc.array(fc.record({ name: text, argumentsText: text }), { maxLength: 2 }),
  },
  { requiredKeys: ['role', 'content'] },
);
const other = fc.record({ role: fc.constantFrom('user' as const, 'tool' as const), content: text });

describe('renderChatml', () => {
  test('is ChatML with Hermes tool calls', () => {
    const messages: TemplateMessage[] = [
      { role: 'system', content: 'You keep a shop.' },
      { role: 'user', content: 'How much is the lamp?' },
      { role: 'assistant', content: '', toolCalls: [call] },
      { role: 'tool', content: '42' },
    ];
    expect(piecesText(renderChatml(messages, { addGenerationPrompt: true }))).toBe(
      [
        '<|im_start|>system\nYou keep a shop.<|im_end|>',
        '<|im_start|>user\nHow much is the lamp?<|im_end|>',
        '<|im_start|>assistant\n<tool_call>\n{"name": "price", "arguments": {"item": "lamp"}}\n</tool_call><|im_end|>',
        '<|im_start|>tool\n<tool_response>\n42\n</tool_response><|im_end|>',
        '<|im_start|>assistant\n',
      ].join('\n'),
    );
  });

  test('tools join the system message, or make one', () => {
    const tools = [{ name: 'price', description: 'd', parameters: { type: 'object' } }];
    const user = { role: 'user', content: 'u' } as const;
    const alone = piecesText(renderChatml([user], { tools }));
    expect(alone).toMatch(/^<\|im_start\|>system\nTools, one per line:\n\{"name":"price"/);
    const joined = renderChatml([{ role: 'system', content: 's' }, user], { tools });
    expect(piecesText(joined)).toMatch(/^<\|im_start\|>system\ns\n\nTools/);
  });

  test('content never adds or removes a special token', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(assistant, other), { maxLength: 6 }), (messages) => {
        const plain = messages.map((message) => ({ ...message, content: message.content && 'x' }));
        const specials = (list: readonly TemplateMessage[]) =>
          [...encodePieces(tokenizer, renderChatml(list))].filter(isSpecialId);
        expect(specials(messages)).toEqual(specials(plain));
      }),
    );
  });
});

describe('continueChatml', () => {
  test('appending to a sampled turn gives the ids of a full render', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(assistant, other), { minLength: 1, maxLength: 4 }),
        assistant,
        fc.array(other, { maxLength: 3 }),
        fc.constantFrom('closed', 'cut'),
        (history, turn, added, ending) => {
          const prompt = encodePieces(
            tokenizer,
            renderChatml(history, { addGenerationPrompt: true }),
          );
          const upTo = encodePieces(tokenizer, renderChatml([...history, turn]));
          // A canonical sample: the turn as the template writes it, up to its close.
          const close = upTo.lastIndexOf(specialId('<|im_end|>'));
          const sampled = upTo.subarray(prompt.length, ending === 'closed' ? close + 1 : close);
          const next = encodePieces(tokenizer, continueChatml(sampled.at(-1), added));
          const full = renderChatml([...history, turn, ...added], { addGenerationPrompt: true });
          expect([...prompt, ...sampled, ...next]).toEqual([...encodePieces(tokenizer, full)]);
        },
      ),
    );
  });

  test('a turn cut before its first token is closed all the same', () => {
    const next = continueChatml(undefined, [], { addGenerationPrompt: false });
    expect(piecesText(next)).toBe('<|im_end|>\n');
  });
});

test('the template has a fingerprint', () => {
  expect(templateFingerprint()).toMatch(/^sha256:[0-9a-f]{64}$/);
});
