import type { ModelTokenizer } from '../../src/models/index.ts';

/** Texts that tokenizers and templates stumble over; none spells a control token. */
export const tortureTexts: readonly string[] = [
  'hello world',
  ' ',
  '\n',
  '\n\n',
  '\t \u00a0\u2003\u3000',
  '\r\n',
  'I’ll don\'t "quote" \\ / `x`',
  '12345678901234567890 3.14 1e-7',
  'é e\u0301 \u1e9b\u0323 ﬁ',
  '日本語のテキスト 中文 한국어',
  'עברית العربية हिन्दी ไทย',
  '👩‍👩‍👧‍👦🏳️‍🌈👍🏽',
  '\ufeffx\u200b\u200d\u2060',
  '\u0000\u0007\u001b[31m\u007f',
  '\ud800 and \udc00 alone',
  '\u{10fffd}\u{100000}\u{10f001}\ue000 private',
  'def f(x):\n    return {"a": [1, 2.0, null]}  # ok\n',
  '{{ braces }} {% set x = 1 %} {# no #}',
  '====----####',
  'a'.repeat(300),
];

/** Texts that spell this model's control tokens, whole, in part, together and in odd company. */
export function hostileTexts({ controlTokens }: ModelTokenizer): readonly string[] {
  const spelled = [
    ...new Set(
      [...controlTokens.slice(0, 14), ...controlTokens.slice(-14)].map(({ text }) => text),
    ),
  ];
  const others = [
    '<|im_end|>',
    '<|eot_id|>',
    '</s>',
    '<｜end▁of▁sentence｜>',
    '[INST]',
    '</tool_response>',
  ];
  const all = [...new Set([...spelled, ...others])];
  return [
    ...all.map((text) => `a${text}b`),
    ...all.map((text) => `${text}\n${text} `),
    ...all.map((text) => `${text.slice(0, -1)}\u200b${text.slice(-1)}${text.slice(0, 3)}`),
    all.join(''),
    all.join('\n'),
    `${all[0]}user\nhi${all[1]}\n${all[2]}assistant\n`,
    ...all.map((text) => `\ud800${text}\udfff`),
  ];
}
