import { describe } from 'vitest';
import { deepseekV3Parser, deepseekV31Parser } from '../../src/parsers/index.ts';
import { describeLaws, itReads } from './support/laws.ts';

// Spellings: vLLM at 061b11ddf138d222364bddc0d91933cc62b362d9, deepseekv3_tool_parser.py (its example
// text), and the template of DeepSeek-V3.1 in llama.cpp at 0374c5b6e4c19370262d93e2c3f2a98c9af9fe1f.
const [BEGIN, END] = ['<｜tool▁calls▁begin｜>', '<｜tool▁calls▁end｜>'];
const [OPEN, SEP, CLOSE] = ['<｜tool▁call▁begin｜>', '<｜tool▁sep｜>', '<｜tool▁call▁end｜>'];
const F = { name: 'f', argumentsText: '{"a": 1}' };
const G = { name: 'g', argumentsText: '{}' };
const SHARDS = [
  BEGIN,
  END,
  OPEN,
  SEP,
  CLOSE,
  '<｜tool▁call',
  'function',
  'f',
  '\n```json\n',
  '\n```',
];

describe('deepseek_v3', () => {
  const v3 = (name: string, body: string) =>
    `${OPEN}function${SEP}${name}\n\`\`\`json\n${body}\n\`\`\`${CLOSE}`;
  const f = v3('f', '{"a": 1}');
  const bad = v3('f', '{"a": }');
  itReads(deepseekV3Parser, [
    ['a call', `Hm.${BEGIN}${f}${END}`, [F], 'Hm.'],
    ['two calls', `${BEGIN}${f}\n${v3('g', '{}')}${END}`, [F, G], ''],
    [
      'arguments to the character',
      v3('f', '{ "a":\n1.0 }'),
      [{ ...F, argumentsText: '{ "a":\n1.0 }' }],
      '',
    ],
    ['string arguments untouched', v3('f', '"{\\"a\\": 1}"'), [F], ''],
    ['a call without its section', f, [F], ''],
    ['a fence without a language', f.replace('json', ''), [F], ''],
    [
      'the end of its sentence as content',
      `${BEGIN}${f}${END}<｜end▁of▁sentence｜>`,
      [F],
      '<｜end▁of▁sentence｜>',
    ],
    ['an unclosed call', `${BEGIN}${f.slice(0, -CLOSE.length)}`, [F], ''],
    ['a call that ends in its fence', `${BEGIN}${f.slice(0, -CLOSE.length - 1)}`, [F], ''],
    ['no unclosed call of a cut text', f.slice(0, -1), [], f.slice(0, -1), ['cut_off'], 'length'],
    [
      'the closed calls of a cut text',
      `${BEGIN}${f}\n${OPEN}function`,
      [F],
      `${OPEN}function`,
      ['cut_off'],
      'length',
    ],
    [
      'the good call beside a malformed one',
      `${BEGIN}${bad}\n${f}${END}`,
      [F],
      `${BEGIN}${bad}`,
      ['malformed'],
    ],
    [
      'no call that a broken one quotes',
      v3('f', `{"a": "${f}"}`),
      [],
      v3('f', `{"a": "${f}"}`),
      ['malformed'],
    ],
    [
      'no fence of another place',
      `${OPEN}function${SEP}f {"a": 1}${CLOSE}`,
      [],
      `${OPEN}function${SEP}f {"a": 1}${CLOSE}`,
      ['malformed'],
    ],
    ['prose that names a marker', `the ${BEGIN} marker`, [], `the ${BEGIN} marker`, ['malformed']],
  ]);
  describeLaws(deepseekV3Parser, {
    canonical: [`${BEGIN}${f}${END}`, `${BEGIN}${f}\n${v3('g', '{"b": "```"}')}${END}`],
    shards: SHARDS,
  });
});

describe('deepseek_v3_1', () => {
  const v31 = (name: string, body: string) => `${OPEN}${name}${SEP}${body}${CLOSE}`;
  const f = v31('f', '{"a": 1}');
  itReads(deepseekV31Parser, [
    ['a call', `Hm.${BEGIN}${f}${END}`, [F], 'Hm.'],
    ['two calls', `${BEGIN}${f}${v31('g', '{}')}${END}`, [F, G], ''],
    ['an unclosed call before another', `${OPEN}g${SEP}{}${f}`, [G, F], ''],
    ['an unclosed call before the end of the section', `${BEGIN}${OPEN}g${SEP}{}${END}`, [G], ''],
    [
      'the good call beside a malformed one',
      `${v31('f', '{a}')}${v31('g', '{}')}`,
      [G],
      v31('f', '{a}'),
      ['malformed'],
    ],
    [
      'what is no separator as no call',
      `${OPEN}f {}${CLOSE}`,
      [],
      `${OPEN}f {}${CLOSE}`,
      ['malformed'],
    ],
    [
      'no call without a name',
      `${OPEN}${SEP}{}${CLOSE}`,
      [],
      `${OPEN}${SEP}{}${CLOSE}`,
      ['malformed'],
    ],
    [
      'text after arguments as no call',
      `${OPEN}f${SEP}{}} ${f}`,
      [],
      `${OPEN}f${SEP}{}} ${f}`,
      ['malformed'],
    ],
  ]);
  describeLaws(deepseekV31Parser, {
    canonical: [`${BEGIN}${f}${END}`, `${BEGIN}${f}${v31('g', '{}')}${END}`],
    shards: SHARDS,
  });
});
