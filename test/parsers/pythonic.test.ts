import { describe } from 'vitest';
import { olmo3Parser, pythonicParser } from '../../src/parsers/index.ts';
import { describeTypedLaws, itReadsTyped, THINK, toolOf } from './support/typed-laws.ts';

// Spellings: vLLM at e2fc92ec91d754266a76b9369da48f6693300c2e, vllm/tool_parsers/
// llama4_pythonic_tool_parser.py (a list of calls is the whole answer; python_start and python_end) and
// olmo3_tool_parser.py (lines of calls; null, true and false); the template of Olmo 3 writes
// `key ~ '=' ~ (value | tojson)`, newlines between calls.
const TOOLS = [toolOf('f', { a: 'string', n: 'integer' })];
const f = (argumentsText: string) => ({ name: 'f', argumentsText });
const F = f('{"n": 1}');
const G = { name: 'g.h-1', argumentsText: '{}' };
const asContent = (text: string, ...kinds: string[]) => [text, [], text, kinds] as const;

const VALUES: readonly (readonly [string, string])[] = [
  ["'it\\'s'", '"it\'s"'],
  ['"x\\ny"', '"x\\ny"'],
  ["'true'", '"true"'],
  ["'0123'", '"0123"'],
  ['True', 'true'],
  ['None', 'null'],
  ['null', 'null'],
  ['1.0', '1.0'],
  ['12345678901234567890', '12345678901234567890'],
  ['-.5', '-0.5'],
  ["[1, 'a', (2, 3)]", '[1, "a", [2, 3]]'],
  ['{"k":[ 1.0]}', '{"k":[ 1.0]}'],
  ["{'k': {'l': None}}", '{"k": {"l": null}}'],
  ["'a' 'b'", '"ab"'],
  ["'''x\ny'''", '"x\\ny"'],
  ["')]</function_calls>'", '")]</function_calls>"'],
];
const NOT_VALUES = [
  'f()',
  'x',
  '1 + 1',
  '__import__("os")',
  '"a" % 1',
  '[x for x in y]',
  'b"x"',
  '{1}',
];

describe('pythonic', () => {
  itReadsTyped(pythonicParser, TOOLS, [
    ['calls', '[f(n=1), g.h-1()]', [F, G], ''],
    ['space anywhere', ' [ f( n = 1 ) ] ', [F], ''],
    ['a trailing comma', '[f(n=1,),]', [F], ''],
    ['markers', '<|python_start|>[f(n=1)]<|python_end|>', [F], ''],
    ['markers with words around', 'Hm. <|python_start|>[f(n=1)]<|python_end|> so', [F], 'Hm.\nso'],
    ['the first marker alone', '<|python_start|>[f(n=1)]', [F], ''],
    ['the last marker alone', '[f(n=1)]<|python_end|>', [F], ''],
    ['a call after thinking', '<think>[f()]</think>\n[f(n=1)]', [F], '<think>[f()]</think>'],
    ['other keys', "[f(**{'a b': 1, 'c': 2}, n=1)]", [f('{"a b": 1, "c": 2, "n": 1}')], ''],
    ...VALUES.map(
      ([text, json]) => [`the value ${text}`, `[f(a=${text})]`, [f(`{"a": ${json}}`)], ''] as const,
    ),
    ...NOT_VALUES.map(
      (text) => [`nothing of ${text}`, ...asContent(`[f(a=${text})]`, 'malformed')] as const,
    ),
    [
      'the good calls beside one whose argument has no name',
      '[f(1), f(n=1), f(**1)]',
      [F],
      '',
      ['malformed', 'malformed'],
    ],
    ['the good call before a broken one', '[f(n=1), f(a=@)]', [F], 'f(a=@)]', ['malformed']],
    ['the closed calls of a cut list', '[f(n=1), f(a="', [F], 'f(a="', ['cut_off'], 'length'],
    ['a list that the text ends in', '[f(n=1)', [F], ''],
    ['no last call of a cut list', '[f(n=1)', [], '[f(n=1)', ['cut_off'], 'length'],
    ['a list that is not the whole answer', ...asContent('[f(n=1)] is a call', 'malformed')],
    ['a list after words', ...asContent('Call [f(n=1)]')],
    ['a list of other things', ...asContent('[1, 2]')],
    ['a link', ...asContent('[see](here)')],
    ['an empty list', ...asContent('[]')],
    ['calls and other things', ...asContent('[f(n=1), 2]', 'malformed')],
    ['what a broken string quotes', ...asContent("[f(a='x\n'), g()]", 'malformed')],
    ['a marker without a list', ...asContent('the <|python_start|> marker', 'malformed')],
  ]);

  describeTypedLaws(pythonicParser, {
    tools: TOOLS,
    think: THINK,
    canonical: ["[f(n=1, a='x')]", "[f(a='it is', b=[True, None, 1.0], c={'k': 'v'}), g()]"],
    shards: [
      ...[
        '[',
        '[f(',
        'f(',
        'n=',
        'a=',
        ', ',
        ')',
        ']',
        "'",
        '"',
        '**{',
        '}',
        ':',
        "'x'",
        '<|python_start|>',
      ],
      ...['<|python_end|>', '<|python_', '[f(n=1), ', '\\', "'''"],
    ],
    isVerbatim: false,
  });
});

describe('olmo3', () => {
  const block = (...lines: string[]) => `<function_calls>${lines.join('\n')}</function_calls>`;
  itReadsTyped(olmo3Parser, TOOLS, [
    ['calls', `Ok.\n${block('f(n=1)', 'g.h-1()')}`, [F, G], 'Ok.'],
    [
      'calls with space around',
      '<function_calls>\nf(n=1)\n\n g.h-1(),f(n=1)\n</function_calls>',
      [F, G, F],
      '',
    ],
    ...VALUES.map(
      ([text, json]) =>
        [`the value ${text}`, block(`f(a=${text})`), [f(`{"a": ${json}}`)], ''] as const,
    ),
    ...NOT_VALUES.map(
      (text) => [`nothing of ${text}`, ...asContent(block(`f(a=${text})`), 'malformed')] as const,
    ),
    [
      'the good calls beside one whose argument has no name',
      block('f(n=1)', 'f(1)', 'f(n=1)'),
      [F, F],
      '',
      ['malformed'],
    ],
    [
      'the good call before a broken one',
      block('f(n=1)', 'f(a=@)'),
      [F],
      'f(a=@)</function_calls>',
      ['malformed'],
    ],
    ['a block that is not closed', '<function_calls>f(n=1)\n</func', [F], ''],
    [
      'no last call of a cut block',
      '<function_calls>f(n=1)',
      [],
      '<function_calls>f(n=1)',
      ['cut_off'],
      'length',
    ],
    [
      'the closed calls of a cut block',
      '<function_calls>f(n=1)\nf(a=',
      [F],
      'f(a=',
      ['cut_off'],
      'length',
    ],
    ['what a broken string quotes', ...asContent(block('f(a="x', 'g()', '")'), 'malformed')],
    ['prose', ...asContent('the <function_calls> tag here', 'malformed')],
    ['an empty block', ...asContent(block(), 'malformed')],
    ['a call that goes on', ...asContent(block('f(n=1) + 1'), 'malformed')],
  ]);

  describeTypedLaws(olmo3Parser, {
    tools: TOOLS,
    think: THINK,
    canonical: [block('f(n=1, a="x")'), block('f(b=[true, null, 1.0], c={"k": "v"})', 'g()')],
    shards: [
      ...[
        '<function_calls>',
        '</function_calls>',
        'f(',
        'n=',
        'a=',
        ', ',
        ')',
        ']',
        "'",
        '"',
        '**{',
        '}',
      ],
      ...["'x'", '<function_', '</func', 'f(n=1)\n', '\\', "'''", 'f(a="'],
    ],
  });
});
