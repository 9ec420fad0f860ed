import fc from 'fast-check';
import { describe } from 'vitest';
import { qwen3CoderParser } from '../../src/parsers/index.ts';
import { describeTypedLaws, itReadsTyped, THINK, toolOf } from './support/typed-laws.ts';

// Spellings: the templates of Qwen3-Coder and Qwen3.5 (chat_template.jinja, the loop over
// message.tool_calls), and vLLM at edfbd4c1a7bf6e32f02cac337512c0fb797f7ce5, vllm/parser/qwen3.py:
// a bare `<function=` opens a call, and a wrapper may be left open before the next call.
const TOOLS = [
  toolOf('f', { a: 'string', n: 'integer', b: 'boolean', o: 'object', l: 'array', x: 'any' }),
];
const p = (key: string, value: string) => `<parameter=${key}>\n${value}\n</parameter>\n`;
const bare = (...all: string[]) => `<function=f>\n${all.join('')}</function>`;
const call = (...all: string[]) => `<tool_call>\n${bare(...all)}\n</tool_call>`;
const f = (argumentsText: string) => ({ name: 'f', argumentsText });
const F = f('{"n": 1}');

describe('qwen3_coder', () => {
  itReadsTyped(qwen3CoderParser, TOOLS, [
    ['a call', call(p('n', '1')), [F], ''],
    [
      'a call on one line',
      '<tool_call><function=f><parameter=a>x</parameter></function></tool_call>',
      [f('{"a": "x"}')],
      '',
    ],
    ['no parameters', call(), [f('{}')], ''],
    [
      'an unknown name',
      call(p('q', '1')).replace('=f>', '=g.h>'),
      [{ name: 'g.h', argumentsText: '{"q": 1}' }],
      '',
    ],
    ['a call without its wrapper', `Ok.\n${bare(p('n', '1'))}\nso`, [F], 'Ok.\nso'],
    ['a call whose wrapper is not opened', `${bare(p('n', '1'))}\n</tool_call> so`, [F], 'so'],
    [
      'bare and wrapped calls',
      `${bare(p('n', '1'))}${call(p('n', '1'))}${bare()}`,
      [F, F, f('{}')],
      '',
    ],
    [
      'calls with words around',
      `Hm.\n${call(p('n', '1'))}\nand\n${call(p('n', '1'))}\n`,
      [F, F],
      'Hm.\nand',
    ],
    [
      'two calls in one wrapper',
      `<tool_call>${bare(p('n', '1'))}${bare()}</tool_call>`,
      [F, f('{}')],
      '',
    ],
    [
      'a wrapper left open before the next',
      `<tool_call>${bare()}${call(p('n', '1'))}`,
      [f('{}'), F],
      '',
    ],
    [
      'values by their schemas',
      call(p('n', '12345678901234567890'), p('b', 'True'), p('o', "{'k': 1.0}"), p('l', '[1 ,2]')),
      [f('{"n": 12345678901234567890, "b": true, "o": {"k": 1.0}, "l": [1 ,2]}')],
      '',
    ],
    ...['true', '0123', 'null', 'None', '"q"', '{"k": 1}', '', ' x ', '\n\n', '<b>'].map(
      (text) =>
        [
          `the string ${JSON.stringify(text)}`,
          call(p('a', text)),
          [f(`{"a": ${JSON.stringify(text)}}`)],
          '',
        ] as const,
    ),
    ['what is of another type as text', call(p('n', 'five')), [f('{"n": "five"}')], ''],
    [
      'a parameter without a schema',
      call(p('x', '[1]'), p('y', 'true')),
      [f('{"x": [1], "y": "true"}')],
      '',
    ],
    ['the last of a repeated parameter', call(p('n', '2'), p('n', '1')), [F], ''],
    [
      'closing tags inside a string',
      call(p('a', 'end </parameter> and </function> or </function> so </tool_call>.')),
      [f('{"a": "end </parameter> and </function> or </function> so </tool_call>."}')],
      '',
    ],
    [
      'a call inside a string',
      call(p('a', `try ${bare(p('n', '1'))} so`)),
      [f(JSON.stringify({ a: `try ${bare(p('n', '1'))} so` }).replace('":', '": '))],
      '',
    ],
    [
      'whole calls inside a string',
      call(p('a', `${call(p('n', '1'), p('a', 'x'))} or ${call()}`)),
      [
        f(
          JSON.stringify({ a: `${call(p('n', '1'), p('a', 'x'))} or ${call()}` }).replace(
            '":',
            '": ',
          ),
        ),
      ],
      '',
    ],
    [
      'opening tags inside a string',
      call(p('a', '<tool_call> and <function=x> and <parameter=y>'), p('n', '1')),
      [f('{"a": "<tool_call> and <function=x> and <parameter=y>", "n": 1}')],
      '',
    ],
    ['think tags inside a string', call(p('a', '</think>')), [f('{"a": "</think>"}')], ''],
    ['an unclosed last call that can miss nothing', call(p('n', '1')).slice(0, -12), [F], ''],
    ['half of the closing tag', call(p('n', '1')).slice(0, -18), [F], ''],
    [
      'no call that may miss a parameter',
      call(p('n', '1')).slice(0, -24),
      [],
      call(p('n', '1')).slice(0, -24),
      ['cut_off'],
    ],
    [
      'no last call of a cut text',
      call(p('n', '1')).slice(0, -12),
      [],
      call(p('n', '1')).slice(0, -12),
      ['cut_off'],
      'length',
    ],
    [
      'closed calls of a cut text',
      `${call(p('n', '1'))}${call(p('n', '1')).slice(0, -13)}`,
      [F],
      call(p('n', '1')).slice(0, -13),
      ['cut_off'],
      'length',
    ],
    [
      'the good call after one whose parameter is not closed',
      `${call('<parameter=a>\nx\n')}\n${call(p('n', '1'))}`,
      [F],
      call('<parameter=a>\nx\n'),
      ['malformed'],
    ],
    [
      'the good call after text between parameters',
      `${call('so ', p('n', '2'))}\n${call(p('n', '1'))}`,
      [F],
      call('so ', p('n', '2')),
      ['malformed'],
    ],
    [
      'the good calls before and after one without a name',
      `${call(p('n', '1'))}<tool_call><function=></function></tool_call>${call(p('n', '1'))}`,
      [F, F],
      '<tool_call><function=></function></tool_call>',
      ['malformed'],
    ],
    [
      'no call that goes on',
      `<tool_call>${bare()} hello </tool_call>`,
      [],
      `<tool_call>${bare()} hello </tool_call>`,
      ['malformed'],
    ],
    [
      'prose that names the tags',
      'a <tool_call> holds a <function=f that\n',
      [],
      'a <tool_call> holds a <function=f that\n',
      ['malformed', 'malformed'],
    ],
    [
      'JSON in the wrapper as no call',
      '<tool_call>{"name": "f"}</tool_call>',
      [],
      '<tool_call>{"name": "f"}</tool_call>',
      ['malformed'],
    ],
    [
      'an empty wrapper',
      '<tool_call>\n</tool_call>',
      [],
      '<tool_call>\n</tool_call>',
      ['malformed'],
    ],
  ]);

  describeTypedLaws(qwen3CoderParser, {
    tools: TOOLS,
    think: THINK,
    canonical: [
      call(p('n', '1'), p('a', 'x\ny')),
      `${call(p('a', ' true\n'), p('o', '{"k": [1.0, null]}'))}\n${call()}`,
    ],
    shards: [
      ...[
        '<tool_call>',
        '</tool_call>',
        '<function=f>',
        '<function=',
        '</function>',
        '<parameter=a>',
      ],
      ...['<parameter=n>', '</parameter>', '</parameter></function>', '<tool', '</func'],
      '<function=f><parameter=a>x</parameter>y</function></tool_call>',
      '<tool_call><function=f><parameter=a>x</function></tool_call>',
    ],
    key: fc.string({ unit: 'binary' }).filter((key) => !/[<>\n]/.test(key)),
  });
});
