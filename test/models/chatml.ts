import type { Message } from '../../src/messages.ts';
import { createChatmlRenderer, type TextTokenizer } from '../../src/models/index.ts';
import { specialId, Tokenizer } from '../../src/policy/index.ts';

/** A small vocabulary with several spellings of most words. */
export const tokenizer = new Tokenizer([
  'he',
  'll',
  'hello',
  'lo',
  'wor',
  'ld',
  'world',
  ' the',
  'an',
]);

export const END = specialId('<|im_end|>');

export const say = (role: 'system' | 'user', text: string): Message => ({
  role,
  content: [{ kind: 'text', text }],
});

export const result = (toolCallId: string, text: string, toolName = 'f'): Message => ({
  role: 'tool',
  content: [{ kind: 'text', text }],
  toolCallId,
  toolName,
});

/** A renderer whose tokenizer notes every text that it is given. */
export function spiedRenderer(options: { readonly listTools?: boolean } = {}) {
  const encoded: string[] = [];
  const spy: TextTokenizer = {
    vocabularySize: tokenizer.vocabularySize,
    fingerprint: tokenizer.fingerprint,
    encode(text, encodeOptions) {
      encoded.push(text);
      return tokenizer.encode(text, encodeOptions);
    },
    decode: (ids) => tokenizer.decode(ids),
  };
  return { encoded, renderer: createChatmlRenderer({ tokenizer: spy, ...options }) };
}

/** Ids that spell `text` byte by byte: never what the tokenizer would write for a known piece. */
export function bytesOf(text: string): number[] {
  return [...new TextEncoder().encode(text)];
}
