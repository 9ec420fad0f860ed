import { expect, test } from 'vitest';
import { type TokenSequence, validateSequence } from '../../src/tokens/index.ts';

const good: TokenSequence = {
  tokenIds: Int32Array.of(1, 2, 3),
  logprobs: Float32Array.of(-1, -2),
  spans: [
    { length: 1, origin: 'prompt', loss: 'not_sampled' },
    { length: 2, origin: 'sampled', loss: 'trained' },
  ],
  policyVersions: [{ length: 2, announcedVersion: 0 }],
  columns: [
    {
      name: 'advantages',
      type: 'float32',
      axis: 'sampled_tokens',
      entryShape: [],
      data: new Uint8Array(8),
    },
  ],
};

test('a sequence whose columns agree is accepted', () => {
  expect(() => validateSequence(good, 'row')).not.toThrow();
});

test.each<[string, Partial<TokenSequence>, RegExp]>([
  ['no tokens', { tokenIds: new Int32Array() }, /row\.token_ids: is empty/],
  ['a negative id', { tokenIds: Int32Array.of(1, -2, 3) }, /row\.token_ids\[1\]: is -2/],
  ['spans too short', { spans: good.spans.slice(1) }, /row\.spans: cover 2 tokens of 3/],
  [
    'an empty span',
    { spans: [...good.spans, { length: 0, origin: 'tool', loss: 'not_sampled' }] },
    /row\.spans\[2\]\.length: is 0/,
  ],
  [
    'a trained prompt',
    { spans: [{ length: 3, origin: 'prompt', loss: 'trained' }] },
    /row\.spans\[0\]\.loss: is trained on a span of origin prompt/,
  ],
  [
    'a sampled span without a bucket',
    { spans: [{ length: 3, origin: 'sampled', loss: 'not_sampled' }] },
    /row\.spans\[0\]\.loss/,
  ],
  ['a missing logprob', { logprobs: Float32Array.of(-1) }, /row\.logprobs: has 1 entries for 2/],
  [
    'an infinite logprob',
    { logprobs: Float32Array.of(-1, Number.NEGATIVE_INFINITY) },
    /row\.logprobs\[1\]: is -Infinity/,
  ],
  [
    'versions too short',
    { policyVersions: [{ length: 1, announcedVersion: 0 }] },
    /row\.policy_versions: cover 1 sampled tokens of 2/,
  ],
  [
    'a column too short',
    { columns: [{ ...good.columns[0]!, data: new Uint8Array(4) }] },
    /row\.columns\[0\]\.data: holds 4 bytes where 2 entries of 4 bytes need 8/,
  ],
])('%s is refused with the path of the field', (_, change, message) => {
  expect(() => validateSequence({ ...good, ...change }, 'row')).toThrow(message);
});
