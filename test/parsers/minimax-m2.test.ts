import fc from 'fast-check';
import { describe } from 'vitest';
import { minimaxM2Parser } from '../../src/parsers/index.ts';
import { describeTypedLaws, itReadsTyped, THINK, toolOf } from './support/typed-laws.ts';

// Spellings: the template of MiniMax M2 in llama.cpp at a21f05affbf67c90f2ac574f1bdd7197ccbe2369,
// models/templates/unsloth-MiniMax-M2.jinja, and vLLM at 9412856add437f03009a0804f61f3bed6731ddeb,
// vllm/tool_parsers/minimax_m2_tool_parser.py: names in either quotes or none.
const TOOLS = [toolOf('f', { a: 'string', n: 'integer', o: 'object' })];
const p = (key: string, value: string) => `<parameter name="${key}">${value}</parameter>\n`;
const invoke = (...all: string[]) => `<invoke name="f">\n${all.join('')}</invoke>\n`;
const block = (...all: string[]) => `<minimax:tool_call>\n${all.join('')}</minimax:tool_call>`;
const f = (argumentsText: string) => ({ name: 'f', argumentsText });
const F = f('{"n": 1}');
const ONE = block(invoke(p('n', '1')));

describe('minimax_m2', () => {
  itReadsTyped(minimaxM2Parser, TOOLS, [
    ['a call', ONE, [F], ''],
    ['calls in one block', `Ok.\n${block(invoke(p('n', '1')), invoke())}`, [F, f('{}')], 'Ok.'],
    ['calls in several blocks', `${ONE} and ${ONE}`, [F, F], 'and'],
    ['other quotes', ONE.replaceAll('"', "'"), [F], ''],
    ['no quotes', ONE.replaceAll('"', ''), [F], ''],
    ['an unknown name', ONE.replace('"f"', '"g"'), [{ name: 'g', argumentsText: '{"n": 1}' }], ''],
    ...['true', '0123', 'null', '"q"', ' x ', '\n', ''].map(
      (text) =>
        [
          `the string ${JSON.stringify(text)}`,
          block(invoke(p('a', text))),
          [f(`{"a": ${JSON.stringify(text)}}`)],
          '',
        ] as const,
    ),
    ['an object', block(invoke(p('o', '{"k": [1.0]}'))), [f('{"o": {"k": [1.0]}}')], ''],
    [
      'closing tags inside a string',
      block(invoke(p('a', '</parameter></invoke> and </parameter>.'))),
      [f('{"a": "</parameter></invoke> and </parameter>."}')],
      '',
    ],
    [
      'whole calls inside a string',
      block(invoke(p('a', block(invoke(p('n', '1')), invoke(p('a', 'x')))))),
      [f(`{"a": ${JSON.stringify(block(invoke(p('n', '1')), invoke(p('a', 'x'))))}}`)],
      '',
    ],
    ['a block that is not closed', ONE.slice(0, -21), [F], ''],
    [
      'no last call of a cut block',
      ONE.slice(0, -21),
      [],
      ONE.slice(0, -21),
      ['cut_off'],
      'length',
    ],
    [
      'closed calls of a cut block',
      block(invoke(p('n', '1')), invoke(p('n', '2'))).slice(0, -40),
      [F],
      '<invoke name="f">\n<parameter name="n">2</p',
      ['cut_off'],
      'length',
    ],
    [
      'the good calls beside malformed ones',
      block(
        invoke(p('n', '1')),
        '<invoke name="f">so</invoke>',
        invoke('<parameter name="n">1\n'),
        invoke(),
      ),
      [F, f('{}')],
      '',
      ['malformed', 'malformed'],
    ],
    [
      'the good call after a block without its end',
      `<minimax:tool_call>\n${ONE}`,
      [F],
      '<minimax:tool_call>',
      ['malformed'],
    ],
    ['a bare invoke as no call', invoke(), [], invoke()],
  ]);

  describeTypedLaws(minimaxM2Parser, {
    tools: TOOLS,
    think: THINK,
    canonical: [block(invoke(p('n', '1'), p('a', ' x\n'))), block(invoke(p('o', '{}')), invoke())],
    shards: [
      ...[
        '<minimax:tool_call>',
        '</minimax:tool_call>',
        '<invoke name="f">',
        '<invoke name=',
        '</invoke>',
      ],
      ...['<parameter name="a">', '<parameter name="n">', '</parameter>', '<mini', '</inv', '\n'],
      '<invoke name="f"><parameter name="a">x</parameter>y</invoke></minimax:tool_call>',
      '<minimax:tool_call><invoke name="f"><parameter name="a">x</invoke></minimax:tool_call>',
    ],
    key: fc.string({ unit: 'binary' }).filter((key) => !/[<>\n\r\u2028\u2029]/.test(key)),
  });
});
