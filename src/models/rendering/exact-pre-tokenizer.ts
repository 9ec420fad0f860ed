import type { JsonValue } from '../../messages.ts';
import { isJsonObject } from '../../messages.ts';

/** How GPT-2 cuts words; `\s` is Unicode's white space here, as in the models' own stack. */
const GPT2_WORDS = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;

/**
 * The pre-tokenizer of a tokenizer.json with GPT-2's words as a split of their own: that of
 * @huggingface/tokenizers 0.2.0 reads JavaScript's `\s` in them, which takes a byte order mark for white
 * space and U+0085 for none, while its splits read Unicode's.
 */
export function exactPreTokenizer(json: JsonValue | undefined): JsonValue {
  if (!isJsonObject(json)) return json ?? null;
  const { pretokenizers } = json;
  if (Array.isArray(pretokenizers)) {
    return { ...json, pretokenizers: pretokenizers.map((one) => exactPreTokenizer(one)) };
  }
  const isGpt2 = json['type'] === 'ByteLevel' && json['use_regex'] !== false;
  // Where it puts a space before the text it must do so before the words are cut.
  if (!isGpt2 || json['add_prefix_space'] !== false) return json;
  const split = { type: 'Split', pattern: { Regex: GPT2_WORDS }, behavior: 'Isolated' };
  return {
    type: 'Sequence',
    pretokenizers: [
      { ...split, invert: false },
      { ...json, use_regex: false },
    ],
  };
}
