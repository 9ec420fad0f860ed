import { describe, expect, it } from 'vitest';
import { functionGemmaParser, gemma4Parser } from '../../src/parsers/index.ts';
import { describeTypedLaws, itReadsTyped, toolOf } from './support/typed-laws.ts';

// Spellings: the template of Gemma 4 in llama.cpp at 75f1ba7389067a9f90082515e124c377a1e104b2,
// models/templates/gemma4.jinja (format_argument, null as Jinja prints it), vLLM at
// f2bd5706c10b51a6f23883c39240d7c465655e33, vllm/parser/gemma4.py (think channel, quoted keys), and
// fe3771baa0a0c2bb9c0738c702f10a2301e89366, vllm/tool_parsers/functiongemma_tool_parser.py.
const TOOLS = [toolOf('f', { a: 'string', n: 'integer', o: 'object' })];
const f = (argumentsText: string) => ({ name: 'f', argumentsText });
const F = f('{"n": 1}');

for (const [name, parser, open, close, q, think] of [
  [
    'gemma4',
    gemma4Parser,
    '<|tool_call>',
    '<tool_call|>',
    '<|"|>',
    ['<|channel>thought', '<channel|>'],
  ],
  [
    'functiongemma',
    functionGemmaParser,
    '<start_function_call>',
    '<end_function_call>',
    '<escape>',
    undefined,
  ],
] as const) {
  describe(name, () => {
    const call = (members: string) => `${open}call:f{${members}}${close}`;
    const ONE = call('n:1');
    itReadsTyped(parser, TOOLS, [
      ['a call', ONE, [F], ''],
      ['a call with space', `${open}\ncall:f{ n : 1 }\n${close}`, [F], ''],
      ['calls with words around', `Hm. ${ONE}${ONE} so`, [F, F], 'Hm.\nso'],
      ['no arguments', `${open}call:g.h-1{}${close}`, [{ name: 'g.h-1', argumentsText: '{}' }], ''],
      ...['true', '0123', 'null', '"q"', ' x\n', '', '}', ',', `${q}`, `a ${q} b`].map(
        (text) =>
          [
            `the string ${JSON.stringify(text)}`,
            call(`a:${q}${text}${q}`),
            [f(`{"a": ${JSON.stringify(text)}}`)],
            '',
          ] as const,
      ),
      [
        'a string without marks by its schema',
        call('a:true,n:1'),
        [f('{"a": "true", "n": 1}')],
        '',
      ],
      ['a marked string whatever the schema', call(`n:${q}1${q}`), [f('{"n": "1"}')], ''],
      [
        'words',
        call('x:true,y:None,z:null,w:hi there'),
        [f('{"x": true, "y": null, "z": null, "w": "hi there"}')],
        '',
      ],
      [
        'numbers as they are',
        call('x:1.0,n:12345678901234567890'),
        [f('{"x": 1.0, "n": 12345678901234567890}')],
        '',
      ],
      [
        'nested values',
        call(`o:{k:[${q}x${q},{l:1}],${q}a b${q}:False},p:[]`),
        [f('{"o": {"k": ["x", {"l": 1}], "a b": false}, "p": []}')],
        '',
      ],
      [
        'closing marks inside a string',
        call(`a:${q}}${close} so${q}`),
        [f(`{"a": "}${close} so"}`)],
        '',
      ],
      ['the last of a repeated key', call('n:2,n:1'), [F], ''],
      ['an unclosed last call', ONE.slice(0, -close.length), [F], ''],
      ['no cut call', ONE.slice(0, -2), [], ONE.slice(0, -2), ['cut_off'], 'length'],
      [
        'no call without its brace',
        ONE.slice(0, -close.length - 1),
        [],
        ONE.slice(0, -close.length - 1),
        ['cut_off'],
      ],
      ['the good call after a broken one', `${call('n')}${ONE}`, [F], call('n'), ['malformed']],
      [
        'the good call after a string without its end',
        `${call(`a:${q}x`)}${call(`a:${q}y${q}`)}`,
        [f('{"a": "y"}')],
        call(`a:${q}x`),
        ['malformed'],
      ],
      [
        'the same where no mark follows',
        `${call(`a:${q}x`)}${ONE}`,
        [F],
        call(`a:${q}x`),
        ['malformed'],
      ],
      ['prose', `the ${open} mark`, [], `the ${open} mark`, ['malformed']],
      [
        'a call that goes on',
        `${open}call:f{n:1} so ${close}`,
        [],
        `${open}call:f{n:1} so ${close}`,
        ['malformed'],
      ],
      [
        'depth without end',
        call(`o:${'['.repeat(300)}${']'.repeat(300)}`),
        [],
        call(`o:${'['.repeat(300)}${']'.repeat(300)}`),
        ['malformed'],
      ],
    ]);

    describeTypedLaws(parser, {
      tools: TOOLS,
      canonical: [
        call(`n:1,a:${q}x\ny${q}`),
        `${call(`o:{k:[1.0,true,None],${q}a b${q}:${q}v${q}}`)}${call('')}`,
      ],
      shards: [
        ...[
          open,
          close,
          q,
          `${open}call:f{`,
          'a:',
          'n:',
          '{',
          '}',
          '[',
          ']',
          ',',
          'call:',
          `a:${q}x${q},`,
        ],
        ...[open.slice(0, 5), close.slice(0, 5), q.slice(0, 3), `${open}call:f{a:${q}x${close}`],
      ],
      think,
      isVerbatim: false,
    });
  });
}

it('parts reasoning by the marks of the family', () => {
  expect(gemma4Parser.thinking).toEqual([{ open: '<|channel>thought', close: '<channel|>' }]);
  expect(functionGemmaParser.thinking).toEqual([]);
});
