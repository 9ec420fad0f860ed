import fc from 'fast-check';
import { describe } from 'vitest';
import { deepseekV4Parser, deepseekV32Parser } from '../../src/parsers/index.ts';
import { describeTypedLaws, itReadsTyped, THINK, toolOf } from './support/typed-laws.ts';

// Spellings: encoding_dsv32.py of DeepSeek-V3.2 as copied in vLLM at
// 026ddf88b0e2244af81052ca500c42aae5aeca2b, vllm/tokenizers/deepseek_v32_encoding.py
// (encode_arguments_to_dsml, tool_calls_template), and vLLM at f20a5cb4fb469b9c9eb3b69912c7dd1d63aa855f,
// vllm/parser/deepseek_v4.py, for the block of V4.
const TOOLS = [toolOf('f', { a: 'string', n: 'integer', o: 'object' })];
const D = '｜DSML｜';
const p = (key: string, isString: boolean, value: string) =>
  `<${D}parameter name="${key}" string="${isString}">${value}</${D}parameter>`;
const invoke = (...all: string[]) => `<${D}invoke name="f">\n${all.join('\n')}\n</${D}invoke>`;
const blockOf =
  (tag: string) =>
  (...all: string[]) =>
    `<${D}${tag}>\n${all.join('\n')}\n</${D}${tag}>`;
const f = (argumentsText: string) => ({ name: 'f', argumentsText });
const F = f('{"n": 1}');

for (const [name, parser, tag] of [
  ['deepseek_v3_2', deepseekV32Parser, 'function_calls'],
  ['deepseek_v4', deepseekV4Parser, 'tool_calls'],
] as const) {
  describe(name, () => {
    const block = blockOf(tag);
    const ONE = block(invoke(p('n', false, '1')));
    itReadsTyped(parser, TOOLS, [
      ['calls', `So.\n\n${block(invoke(p('n', false, '1')), invoke())}`, [F, f('{}')], 'So.'],
      ['a string by its attribute', block(invoke(p('n', true, '1'))), [f('{"n": "1"}')], ''],
      ['no string by its attribute', block(invoke(p('q', false, 'true'))), [f('{"q": true}')], ''],
      [
        'a string by its schema all the same',
        block(invoke(p('a', false, 'true'))),
        [f('{"a": "true"}')],
        '',
      ],
      ['no JSON where JSON is said', block(invoke(p('n', false, 'one'))), [f('{"n": "one"}')], ''],
      ['no attribute', ONE.replace(' string="false"', ''), [F], ''],
      ['indented tags', ONE.replaceAll('\n', '\n  '), [F], ''],
      ...['null', '0123', '"q"', ' x\n', ''].map(
        (text) =>
          [
            `the string ${JSON.stringify(text)}`,
            block(invoke(p('a', true, text))),
            [f(`{"a": ${JSON.stringify(text)}}`)],
            '',
          ] as const,
      ),
      [
        'JSON to the character',
        block(invoke(p('o', false, '{"k":1.0, "l": [ ]}'))),
        [f('{"o": {"k":1.0, "l": [ ]}}')],
        '',
      ],
      [
        'closing tags inside a string',
        block(invoke(p('a', true, `</${D}parameter>, </${D}invoke>`))),
        [f(`{"a": "</${D}parameter>, </${D}invoke>"}`)],
        '',
      ],
      ['a block that is not closed', ONE.slice(0, -20), [F], ''],
      [
        'no last call of a cut block',
        ONE.slice(0, -20),
        [],
        ONE.slice(0, -20),
        ['cut_off'],
        'length',
      ],
      [
        'the good call beside a malformed one',
        block(`<${D}invoke name="f" x>\n</${D}invoke>`, invoke(p('n', false, '1'))),
        [F],
        '',
        ['malformed'],
      ],
      [
        'the good call after a parameter that is not closed',
        block(invoke(`<${D}parameter name="n">2`), invoke(p('n', false, '1'))),
        [F],
        '',
        ['malformed'],
      ],
      [
        'the block of its sister as content',
        `<${D}${tag === 'tool_calls' ? 'function_calls' : 'tool_calls'}>`,
        [],
        `<${D}${tag === 'tool_calls' ? 'function_calls' : 'tool_calls'}>`,
      ],
    ]);

    describeTypedLaws(parser, {
      tools: TOOLS,
      think: THINK,
      canonical: [
        block(invoke(p('n', false, '1'), p('a', true, 'x\ny'))),
        block(invoke(p('o', false, '{"k": 1.0}')), invoke()),
      ],
      shards: [
        ...[`<${D}${tag}>`, `</${D}${tag}>`, `<${D}invoke name="f">`, `</${D}invoke>`, `<${D}`],
        ...[
          p('a', true, 'x'),
          `<${D}parameter name="n" string="false">`,
          `</${D}parameter>`,
          `<${D}x`,
        ],
        `<${D}invoke name="f"><${D}parameter name="a">x</${D}parameter>y</${D}invoke></${D}${tag}>`,
      ],
      key: fc.string({ unit: 'binary' }).filter((key) => !/[<>\n\r\u2028\u2029]/.test(key)),
    });
  });
}
