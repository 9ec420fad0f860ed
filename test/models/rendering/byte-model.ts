import type { JsonObject, Message } from '../../../src/messages.ts';
import { textContent } from '../../../src/messages.ts';
import { createModelTokenizer, createTemplateRenderer } from '../../../src/models/index.ts';

/** Byte-level letters, as GPT-2 and its heirs write bytes. */
const letters: string[] = [];
let unprintable = 256;
for (let byte = 0; byte < 256; byte++) {
  const prints = (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
  letters.push(String.fromCodePoint(prints ? byte : unprintable++));
}

const merges = ['h e', 'l l', 'he ll', 'hell o', 'Ċ Ċ'];

/** A tokenizer.json of bytes, a few merges and the control tokens of a template. */
export function byteTokenizer(control: readonly string[]): JsonObject {
  const pieces = [...letters, ...merges.map((merge) => merge.replace(' ', ''))];
  return {
    version: '1.0',
    normalizer: null,
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, use_regex: true },
    post_processor: null,
    decoder: { type: 'ByteLevel' },
    model: {
      type: 'BPE',
      vocab: Object.fromEntries(pieces.map((piece, id) => [piece, id])),
      merges,
      continuing_subword_prefix: '',
      end_of_word_suffix: '',
    },
    added_tokens: control.map((content, at) => ({
      id: pieces.length + at,
      content,
      special: true,
      normalized: false,
      lstrip: false,
      rstrip: false,
      single_word: false,
    })),
  };
}

/** A renderer over the byte tokenizer; `eos` is the model's own end of sequence. */
export function byteRenderer(
  template: string,
  control: readonly string[],
  options: Partial<Parameters<typeof createTemplateRenderer>[0]> & { readonly eos?: string } = {},
) {
  const { eos, ...rest } = options;
  const tokenizer = createModelTokenizer({
    tokenizer: byteTokenizer(control),
    config: eos === undefined ? {} : { eos_token: eos },
    template,
  });
  const renderer = createTemplateRenderer({ tokenizer, template, ...rest });
  const text = (messages: readonly Message[], tools: Parameters<typeof renderer.render>[1] = []) =>
    renderer
      .render(messages, tools)
      .map(({ tokenIds }) => renderer.decode(tokenIds))
      .join('');
  return { tokenizer, renderer, text };
}

export const user = (text: string): Message => ({ role: 'user', content: textContent(text) });
export const toolResult = (text: string, toolCallId = 'c'): Message => ({
  role: 'tool',
  content: textContent(text),
  toolCallId,
  toolName: 'f',
});
