import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { harmonyParser, MAX_DIAGNOSTICS } from '../../src/parsers/index.ts';
import { streamed } from './support/laws.ts';

// Spellings: vLLM at 053e68ec1d42cf7dc06856b058cf9502d4ada46c, vllm/parser/harmony.py (which channel is
// what, calls by their recipient whatever the channel), SGLang at
// 006359c45321bafb6bfb23c3fff2ee94141c40d9, python/sglang/srt/function_call/gpt_oss_detector.py
// (`to=` in the channel, `<|constrain|>json`), and the template of gpt-oss, which writes the recipient
// before the channel and `commentary json`.
const THOUGHT = '<|channel|>analysis<|message|>Hm.<|end|>';
const ASSISTANT = '<|start|>assistant';
const FINAL = '<|channel|>final<|message|>';
const to = (name: string, body: string, end = '<|call|>') =>
  `<|channel|>commentary to=functions.${name} <|constrain|>json<|message|>${body}${end}`;
const CALL = to('f', '{"a": 1}');
const F = { name: 'f', argumentsText: '{"a": 1}' };
const read = (text: string, finishReason = 'stop') =>
  harmonyParser.parse(text, { tools: [], finishReason });

type Row = readonly [
  name: string,
  text: string,
  expected: {
    calls?: readonly object[];
    content?: string;
    reasoning?: string;
    problems?: readonly string[];
  },
  finishReason?: string,
];
const table: readonly Row[] = [
  ['an answer', `${FINAL}Hi.<|return|>`, { content: 'Hi.' }],
  [
    'an answer after thinking',
    `${THOUGHT}${ASSISTANT}${FINAL}Hi.`,
    { content: 'Hi.', reasoning: 'Hm.' },
  ],
  ['thoughts apart', `${THOUGHT}${ASSISTANT}${THOUGHT}`, { reasoning: 'Hm.\nHm.' }],
  ['a thought that was cut off', '<|channel|>analysis<|message|>Hm', { reasoning: 'Hm' }, 'length'],
  [
    'a preamble',
    `<|channel|>commentary<|message|>I look.<|end|>${ASSISTANT}${CALL}`,
    { content: 'I look.', calls: [F] },
  ],
  ['a call after thinking', `${THOUGHT}${ASSISTANT}${CALL}`, { calls: [F], reasoning: 'Hm.' }],
  ['calls', `${CALL}${ASSISTANT}${CALL}`, { calls: [F, F] }],
  ['a call and an answer', `${CALL}${ASSISTANT}${FINAL}Done.`, { calls: [F], content: 'Done.' }],
  [
    'a recipient before the channel',
    ' to=functions.f<|channel|>commentary json<|message|>{"a": 1}<|call|>',
    { calls: [F] },
  ],
  ['a call in the analysis channel', CALL.replace('commentary', 'analysis'), { calls: [F] }],
  ['another content type', CALL.replace('<|constrain|>json', 'code'), { calls: [F] }],
  ['no content type', CALL.replace(' <|constrain|>json', ''), { calls: [F] }],
  ['a call that ends as messages do', to('f', '{"a": 1}', '<|end|>'), { calls: [F] }],
  [
    'a recipient without a namespace',
    CALL.replace('functions.f', 'browser.open'),
    { calls: [{ ...F, name: 'browser.open' }] },
  ],
  [
    'arguments to the character',
    to('f', ' { "a":1.0,\n"b":[ ]} '),
    { calls: [{ name: 'f', argumentsText: '{ "a":1.0,\n"b":[ ]}' }] },
  ],
  ['arguments in a string', to('f', '"{\\"a\\": 1}"'), { calls: [F] }],
  [
    'an empty message as no arguments',
    to('f', ''),
    { calls: [{ name: 'f', argumentsText: '{}' }] },
  ],
  [
    'markers in arguments',
    to('f', '{"a":"<|call|><|end|>"}'),
    { calls: [{ name: 'f', argumentsText: '{"a":"<|call|><|end|>"}' }] },
  ],
  ['a last call whose marker the engine took', to('f', '{"a": 1}', ''), { calls: [F] }],
  [
    'no cut call',
    to('f', '{"a": 1}', ''),
    { content: to('f', '{"a": 1}', ''), problems: ['cut_off'] },
    'length',
  ],
  [
    'no call cut off',
    to('f', '{"a": "', ''),
    { content: to('f', '{"a": "', ''), problems: ['cut_off'] },
  ],
  [
    'no call without arguments',
    to('f', '', ''),
    { content: to('f', '', ''), problems: ['cut_off'] },
  ],
  [
    'the good calls beside broken ones',
    [CALL, to('f', '{a}'), to('f', '{"a": "'), to('f', '{} so'), CALL].join(ASSISTANT),
    {
      calls: [F, F],
      content: [to('f', '{a}'), to('f', '{"a": "'), to('f', '{} so')]
        .map((each) => ASSISTANT + each)
        .join('\n'),
      problems: ['malformed', 'malformed', 'malformed'],
    },
  ],
  [
    'no call that is thought',
    '<|channel|>analysis<|message|>to=functions.f {"a": 1}<|end|>',
    { reasoning: 'to=functions.f {"a": 1}' },
  ],
  ['a text without a frame', '<think>a</think>b', { content: '<think>a</think>b' }],
  [
    'text between messages',
    `${THOUGHT} so ${ASSISTANT}${FINAL}Hi.<|end|> and`,
    { content: 'so\nHi.\nand', reasoning: 'Hm.' },
  ],
  [
    'a header that was cut off',
    `${FINAL}Hi.<|end|>${ASSISTANT}<|channel|>fin`,
    { content: 'Hi.' },
    'length',
  ],
  [
    'no call without a name',
    to('', '{"a": "<|call|>"}'),
    { content: to('', '{"a": "<|call|>"}'), problems: ['malformed'] },
  ],
  ['an unknown channel as content', '<|channel|>other<|message|>Hi.', { content: 'Hi.' }],
];

describe('harmony', () => {
  for (const [name, text, expected, finishReason] of table) {
    it(`reads ${name}`, () => {
      const { calls, content, reasoning = '', diagnostics } = read(text, finishReason);
      expect({ calls, content, reasoning, problems: diagnostics.map(({ kind }) => kind) }).toEqual({
        calls: [],
        content: '',
        reasoning: '',
        problems: [],
        ...expected,
      });
    });
  }

  it('says reasoning of every text with a frame, and of no other', () => {
    expect(read(`${FINAL}x`).reasoning).toBe('');
    expect(read('x').reasoning).toBeUndefined();
    expect(harmonyParser.thinking).toEqual([]);
  });

  it('renders what it read to the byte, and reads back any arguments', () => {
    for (const text of [CALL, `${CALL}${ASSISTANT}${to('g.h', '{}')}`]) {
      expect(harmonyParser.renderCalls(read(text).calls)).toBe(text);
    }
    const argumentsText = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.dictionary(fc.string(), fc.jsonValue()).map((value) => JSON.stringify(value, null, 1)),
      fc.constantFrom('"x"', '1', ' {}', '[1, 2]', 'null', '<|call|>', '<|start|>'),
    );
    fc.assert(
      fc.property(fc.array(argumentsText, { minLength: 1, maxLength: 3 }), (all) => {
        const calls = all.map((each, index) => ({ name: `tool_${index}`, argumentsText: each }));
        const parsed = read(harmonyParser.renderCalls(calls));
        expect(parsed).toEqual({ calls, content: '', diagnostics: [], reasoning: '' });
      }),
    );
  });

  it('makes no call of a text that is cut off inside it', () => {
    const whole = `${THOUGHT}${ASSISTANT}${CALL}${ASSISTANT}${to('g', '{"b": {}}')}`;
    const { calls } = read(whole);
    for (let cut = 0; cut < whole.length; cut += 1) {
      for (const finishReason of ['stop', 'length']) {
        const some = read(whole.slice(0, cut), finishReason).calls;
        expect(some).toEqual(calls.slice(0, some.length));
        if (finishReason === 'length') expect(some.length).toBeLessThan(2);
      }
    }
  });

  const SHARDS = [
    ...['<|start|>', ASSISTANT, '<|channel|>', '<|message|>', '<|end|>', '<|call|>', '<|return|>'],
    ...[
      '<|constrain|>',
      'analysis',
      'final',
      'commentary',
      ' to=functions.f',
      ' to=',
      ' ',
      'x',
      '<|',
    ],
    ...[
      '{',
      '}',
      '"',
      '{"a": 1}',
      '1',
      '\n',
      THOUGHT,
      FINAL,
      CALL,
      '<|channel|>commentary to=f<|message|>',
    ],
  ];

  it('says of a stream what it says of the whole, and tells the content as it comes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...SHARDS), { maxLength: 20 }).map((parts) => parts.join('')),
        fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 8 }),
        fc.constantFrom('stop', 'length'),
        (whole, sizes, finishReason) => {
          const { told, completion } = streamed(harmonyParser, whole, sizes, finishReason);
          expect(completion).toEqual(read(whole, finishReason));
          expect(completion.content.startsWith(told)).toBe(true);
          if (completion.calls.length === 0) expect(told).toBe(completion.content);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('tells the answer at once and thoughts never', () => {
    const stream = harmonyParser.stream({ tools: [] });
    expect(stream.push('<|channel|>analysis<|message|>Hm')).toBe('');
    expect(stream.push(`.<|end|>${ASSISTANT}${FINAL}Hi`.padEnd(80, '.'))).toMatch(/^Hi\.+$/);
    expect(stream.push(' there<|re')).toBe(' there');
    expect(stream.push('al')).toBe('<|real');
    expect(stream.push('<|return|>')).toBe('');
    expect(stream.end('stop').rest).toBe('');
  });

  it('gets through hostile megabytes', { timeout: 60_000 }, () => {
    const units = [
      ...SHARDS,
      ...['[', '\\', `${FINAL}x<|end|>`, to('f', '{"a<'), to('f', '"', ''), to('f', '[', '')],
      '<|channel|>commentary to=f<|message|>"\\',
    ];
    for (const unit of units) {
      const body = unit.repeat(Math.ceil(1_000_000 / unit.length));
      for (const head of ['', FINAL, '<|channel|>analysis<|message|>', CALL.slice(0, -12)]) {
        for (const finishReason of ['stop', 'length']) {
          const { diagnostics } = read(head + body, finishReason);
          expect(diagnostics.length).toBeLessThanOrEqual(MAX_DIAGNOSTICS);
        }
        streamed(harmonyParser, head + body.slice(0, 100_000), [7]);
      }
      streamed(harmonyParser, body, [1_000_000]);
    }
  });
});
