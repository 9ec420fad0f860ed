import { expect, test } from 'vitest';
import { createModelTokenizer } from '../../../src/models/index.ts';
import { exactPreTokenizer } from '../../../src/models/rendering/exact-pre-tokenizer.ts';
import { byteTokenizer } from './byte-model.ts';

const json = byteTokenizer([]);
const [LINES] = createModelTokenizer({ tokenizer: json }).encodeText('\n\n');

test.each([
  // A word's lines go together only where no other word ends them.
  ['\n\nx', [10, 10, 120]],
  ['\n\n\ufeff', [10, 10, 239, 187, 191]],
  ['\n\n', [LINES]],
  // U+0085 is white space, so the lines before it end in no word.
  ['\n\n\u0085', [LINES, 194, 133]],
])('GPT-2’s words know Unicode’s white space: %j', (text, bytes) => {
  const tokenizer = createModelTokenizer({ tokenizer: json });
  const spelled = [...tokenizer.encodeText(text)].map((id) =>
    id === LINES ? id : tokenizer.bytesOf(id)![0],
  );
  expect(spelled).toEqual(bytes);
});

test('other pre-tokenizers stay as they are', () => {
  for (const one of [
    null,
    { type: 'ByteLevel', add_prefix_space: false, use_regex: false },
    { type: 'ByteLevel', add_prefix_space: true, use_regex: true },
    { type: 'Sequence', pretokenizers: [{ type: 'Digits', individual_digits: true }] },
  ]) {
    expect(exactPreTokenizer(one)).toEqual(one);
  }
});
