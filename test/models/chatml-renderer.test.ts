import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AssistantMessage, Message, ToolDefinition } from '../../src/messages.ts';
import { textContent, textOf } from '../../src/messages.ts';
import { createChatmlRenderer, type RenderedPiece, rendererFor } from '../../src/models/index.ts';
import { splitReasoning } from '../../src/models/rendering/read-completion.ts';
import { encodePieces, renderChatml, specialTokens } from '../../src/policy/index.ts';
import { END, result, say, tokenizer } from './chatml.ts';

const renderer = createChatmlRenderer({ tokenizer });

const joined = (pieces: readonly RenderedPiece[]): number[] =>
  pieces.flatMap(({ tokenIds }) => [...tokenIds]);

const content = fc.string({ maxLength: 12, unit: 'grapheme' });
const assistant: fc.Arbitrary<AssistantMessage> = fc
  .record({
    text: content,
    reasoning: fc.option(content, { nil: undefined }),
    args: fc.array(content, { maxLength: 2 }),
  })
  .map(({ text, reasoning, args }) => ({
    role: 'assistant',
    content: textContent(text),
    ...(reasoning !== undefined && { reasoning }),
    toolCalls: args.map((argument, n) => ({
      id: `c${n}`,
      name: 'f',
      argumentsText: JSON.stringify({ argument }),
    })),
  }));
const message: fc.Arbitrary<Message> = fc.oneof(
  content.map((text) => say('user', text)),
  content.map((text) => say('system', text)),
  content.map((text) => result('c0', text)),
  assistant,
);
const tools: ToolDefinition[] = [{ name: 'f', description: 'd', parameters: { type: 'object' } }];

/** As the policy's own template has it. */
function reference(messages: readonly Message[], listed: readonly ToolDefinition[]): number[] {
  const plain = messages.map((one) => ({
    role: one.role,
    content: textOf(one),
    ...(one.role === 'assistant' && {
      ...(one.reasoning !== undefined && { reasoning: one.reasoning }),
      toolCalls: one.toolCalls,
    }),
  }));
  const pieces = renderChatml(plain, { addGenerationPrompt: true, tools: listed });
  return [...encodePieces(tokenizer, pieces)];
}

test('renders what the policy’s template renders, with tools listed or not', () => {
  const listing = createChatmlRenderer({ tokenizer, listTools: true });
  fc.assert(
    fc.property(fc.array(message, { minLength: 1, maxLength: 6 }), (messages) => {
      expect(joined(renderer.render(messages, tools))).toEqual(reference(messages, []));
      expect(joined(listing.render(messages, tools))).toEqual(reference(messages, tools));
    }),
  );
});

test('a history, its sampled turn and an extension are the full render', () => {
  const history = fc.array(message, { minLength: 1, maxLength: 4 });
  const turn = fc.record({ ids: fc.array(fc.nat(255), { maxLength: 6 }), closed: fc.boolean() });
  fc.assert(
    fc.property(history, assistant, turn, history, (before, reply, { ids, closed }, after) => {
      const sampled = Int32Array.from(closed ? [...ids, END] : ids);
      const find = (one: Message) => (one === reply ? sampled : undefined);
      const prompt = joined(renderer.render(before, tools));
      const lastTokenId = sampled.at(-1) ?? prompt.at(-1)!;
      const extension = renderer.extend({ lastTokenId }, after, tools, find)!;
      const whole = renderer.render([...before, reply, ...after], tools, find);
      expect([...prompt, ...sampled, ...joined(extension)]).toEqual(joined(whole));
    }),
  );
});

test('only a message’s own text has its origin', () => {
  const foreign: AssistantMessage = {
    role: 'assistant',
    content: textContent('hello'),
    reasoning: 'he',
    toolCalls: [],
  };
  const messages = [say('system', 'an'), say('user', 'world'), foreign, result('c', 'lo')];
  const texts = (origin: RenderedPiece['origin']): string =>
    renderer
      .render(messages, [])
      .filter((piece) => piece.origin === origin)
      .map(({ tokenIds }) => renderer.decode(tokenIds))
      .join('|');
  expect(texts('prompt')).toBe('an|world');
  expect(texts('tool')).toBe('lo');
  expect(texts('foreign')).toBe('<think>|\nhe\n|</think>|\n|hello');
});

describe('rendererFor', () => {
  const vocabulary = Array.from({ length: tokenizer.vocabularySize }, (_, id) =>
    tokenizer.bytesOf(id),
  );
  const ids = Object.fromEntries(
    specialTokens.map((token) => [token, tokenizer.encode(token, { allowSpecial: true })[0]!]),
  );
  const tokenizerSha256 = tokenizer.fingerprint.replace('sha256:', '');
  const model = {
    chatFormat: 'chatml-hermes',
    vocabularySize: tokenizer.vocabularySize,
    vocabulary,
    specialTokens: ids,
    rendering: { tokenizerSha256 },
  };

  test('rebuilds the renderer from a description', () => {
    const rebuilt = rendererFor(model);
    expect(rebuilt.fingerprint).toEqual(renderer.fingerprint);
    const messages = [say('user', 'hello world')];
    expect(joined(rebuilt.render(messages, []))).toEqual(joined(renderer.render(messages, [])));
  });

  test('takes the learned pieces alone too', () => {
    const rebuilt = rendererFor({
      ...model,
      vocabulary: vocabulary.slice(256 + specialTokens.length),
    });
    expect(rebuilt.fingerprint).toEqual(renderer.fingerprint);
  });

  test.each([
    ['another format', { ...model, chatFormat: 'harmony' }],
    ['no vocabulary', { ...model, vocabulary: [] }],
    [
      'pieces that are no text',
      { ...model, vocabulary: [...vocabulary, Uint8Array.of(0xff, 0xfe)] },
    ],
    ['special tokens elsewhere', { ...model, specialTokens: { ...ids, '<|im_end|>': 3 } }],
    ['a fingerprint of something else', { ...model, vocabulary: vocabulary.slice(0, -1) }],
  ])('refuses %s', (_, other) => {
    expect(() => rendererFor(other)).toThrow(
      expect.objectContaining({ kind: 'failed_precondition', reason: 'UNKNOWN_RENDERING' }),
    );
  });
});

test.each([
  ['a', undefined, 'a'],
  ['<think>\nr\n</think>\n\na', 'r', 'a'],
  ['\n<think>r</think>a', 'r', 'a'],
  ['<think>r', 'r', ''],
  ['r\n</think>\na', 'r', 'a'],
  ['a <think>r</think>', undefined, 'a <think>r</think>'],
])('the reasoning of %j is %j', (whole, reasoning, rest) => {
  const split = splitReasoning(whole);
  expect(split.reasoning).toBe(reasoning);
  expect(split.content).toBe(rest);
});
