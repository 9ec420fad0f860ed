import fc from 'fast-check';
import { describe } from 'vitest';
import { glm45Parser, glm47Parser } from '../../src/parsers/index.ts';
import { describeTypedLaws, itReadsTyped, THINK, toolOf } from './support/typed-laws.ts';

// Spellings: the template of GLM-4.6 in llama.cpp at afefa651447358ae477f31a0ea1b97adff04c64f,
// models/templates/GLM-4.6.jinja; that of GLM-4.7 (`'<tool_call>' + tc.name`, pairs without newlines);
// literal \n between tags: vLLM at b91ee1b47c8e8462ada5e5b8d18244bc96a0ebbc,
// vllm/tool_parsers/glm47_moe_tool_parser.py.
const TOOLS = [toolOf('f', { a: 'string', n: 'integer', o: 'object' })];
const pairs = (newline: string, ...all: readonly (readonly [string, string])[]) =>
  all
    .map(([key, value]) =>
      [`<arg_key>${key}</arg_key>`, `<arg_value>${value}</arg_value>`, ''].join(newline),
    )
    .join('');
const f = (argumentsText: string) => ({ name: 'f', argumentsText });
const F = f('{"n": 1}');
const G = { name: 'g.h-1', argumentsText: '{}' };

for (const [name, parser, newline] of [
  ['glm45', glm45Parser, '\n'],
  ['glm47', glm47Parser, ''],
] as const) {
  describe(name, () => {
    const call = (...all: readonly (readonly [string, string])[]) =>
      `<tool_call>f${newline}${pairs(newline, ...all)}</tool_call>`;
    const ONE = call(['n', '1']);
    itReadsTyped(parser, TOOLS, [
      ['a call', ONE, [F], ''],
      ['a call on lines', `<tool_call>f\n${pairs('\n', ['n', '1'])}</tool_call>`, [F], ''],
      ['a call without newlines', `<tool_call>f${pairs('', ['n', '1'])}</tool_call>`, [F], ''],
      [
        'spelled newlines',
        `<tool_call>f\\n${pairs('\\n', ['n', '1'], ['a', 'x'])}</tool_call>`,
        [f('{"n": 1, "a": "x"}')],
        '',
      ],
      [
        'spaces between tags',
        '<tool_call> f <arg_key>n</arg_key> <arg_value>1</arg_value> </tool_call>',
        [F],
        '',
      ],
      ['no arguments', '<tool_call>g.h-1</tool_call>', [G], ''],
      ['no arguments, on lines', '<tool_call>g.h-1\n</tool_call>', [G], ''],
      ['calls with words around', `Hm.\n${ONE}\nand\n${ONE}`, [F, F], 'Hm.\nand'],
      ...['true', '0123', 'null', '"q"', ' x ', '\n', '\\n', ''].map(
        (text) =>
          [
            `the string ${JSON.stringify(text)}`,
            call(['a', text]),
            [f(`{"a": ${JSON.stringify(text)}}`)],
            '',
          ] as const,
      ),
      ['JSON to the character', call(['o', '{"k":1.0}']), [f('{"o": {"k":1.0}}')], ''],
      ['what has no schema', call(['p', '[1]'], ['q', 'true']), [f('{"p": [1], "q": "true"}')], ''],
      [
        'closing tags inside a string',
        call(['a', '</arg_value> or </tool_call> so </arg_value>.']),
        [f('{"a": "</arg_value> or </tool_call> so </arg_value>."}')],
        '',
      ],
      [
        'whole calls inside a string',
        call(['a', `${ONE} or ${call()} so`]),
        [f(`{"a": ${JSON.stringify(`${ONE} or ${call()} so`)}}`)],
        '',
      ],
      ['half of the closing tag', ONE.slice(0, -9), [F], ''],
      ['no call that may miss an argument', ONE.slice(0, -12), [], ONE.slice(0, -12), ['cut_off']],
      ['no cut call', ONE.slice(0, -2), [], ONE.slice(0, -2), ['cut_off'], 'length'],
      [
        'the good call after a value that is not closed',
        `<tool_call>f<arg_key>n</arg_key><arg_value>2</tool_call>\n${ONE}`,
        [F],
        '<tool_call>f<arg_key>n</arg_key><arg_value>2</tool_call>',
        ['malformed'],
      ],
      [
        'the good call after a key without a value',
        `<tool_call>f<arg_key>n</arg_key></tool_call>${ONE}`,
        [F],
        '<tool_call>f<arg_key>n</arg_key></tool_call>',
        ['malformed'],
      ],
      [
        'prose that names the tag',
        'the <tool_call> tag here',
        [],
        'the <tool_call> tag here',
        ['malformed'],
      ],
      [
        'JSON as no call',
        '<tool_call>{"name": "f"}</tool_call>',
        [],
        '<tool_call>{"name": "f"}</tool_call>',
        ['malformed'],
      ],
      ['no name', '<tool_call></tool_call>', [], '<tool_call></tool_call>', ['malformed']],
    ]);

    describeTypedLaws(parser, {
      tools: TOOLS,
      think: THINK,
      canonical: [
        call(['n', '1'], ['a', 'x\ny ']),
        [call(['o', '{"k": [1.0]}']), call()].join(newline),
      ],
      shards: [
        ...['<tool_call>', '</tool_call>', '<tool_call>f', '<arg_key>a</arg_key>', '<arg_value>'],
        ...[
          '</arg_value>',
          '<arg_key>',
          '</arg_key>',
          '\\n',
          '<arg',
          '</tool',
          '<arg_value>x</arg_value>',
        ],
        '<tool_call>f<arg_key>a</arg_key><arg_value>x</arg_value>y</tool_call>',
        '<tool_call>f<arg_key>a</arg_key><arg_value>x</tool_call>',
      ],
      key: fc.string({ unit: 'binary' }).filter((key) => !key.includes('<')),
    });
  });
}
