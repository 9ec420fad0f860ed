import { describe, expect, it } from 'vitest';
import { granite4Parser, graniteParser, hermesParser } from '../../src/parsers/index.ts';
import { describeLaws, itReads } from './support/laws.ts';

// Spellings: vLLM at 03715c1a19cfeeb3fa377d8b117b886b4e6a69de, granite_tool_parser.py (`<|tool_call|>`
// of Granite 3.0, `<tool_call>` of 3.1); IBM's prompt guide of Granite 4.0 for objects between tags.
const F = { name: 'f', argumentsText: '{"a": 1}' };
const G = { name: 'g', argumentsText: '{}' };
const f = '{"name": "f", "arguments": {"a": 1}}';
const g = '{"name": "g", "arguments": {}}';
const SHARDS = ['<|tool_call|>', '<tool_call>', '</tool_call>', '<|tool', '<tool', `[${f}, `, f];

describe('granite', () => {
  itReads(graniteParser, [
    ['a list', `Hm.<|tool_call|>[${f}, ${g}]`, [F, G], 'Hm.'],
    ['the list of 3.1', `<tool_call>[${f}]`, [F], ''],
    ['a list that a tag closes', `<tool_call> [${f}]\n</tool_call>`, [F], ''],
    [
      'objects between tags',
      `<tool_call>\n${f}\n</tool_call>\n<tool_call>\n${g}\n</tool_call>`,
      [F, G],
      '',
    ],
    ['keys in the other order', '<|tool_call|>[{"arguments": {"a": 1}, "name": "f"}]', [F], ''],
    [
      'string arguments untouched',
      '<|tool_call|>[{"name": "f", "arguments": "{\\"a\\": 1}"}]',
      [F],
      '',
    ],
    ['an unclosed list', `<|tool_call|>[${f}`, [F], ''],
    [
      'no unclosed list of a cut text',
      `<|tool_call|>[${f}`,
      [],
      `<|tool_call|>[${f}`,
      ['cut_off'],
      'length',
    ],
    [
      'the good calls of a list',
      `<|tool_call|>[${g}, {"name": 1}, ${f}, {]`,
      [G, F],
      '{]',
      ['malformed', 'malformed'],
    ],
    [
      'the next list behind a broken one',
      `<|tool_call|>[{"name": }]<|tool_call|>[${f}]`,
      [F],
      '<|tool_call|>[{"name": }]',
      ['malformed'],
    ],
    [
      'no list that a broken one quotes',
      `<|tool_call|>[{"a": "<tool_call>[${f}]"}]`,
      [],
      `<|tool_call|>[{"a": "<tool_call>[${f}]"}]`,
      ['malformed'],
    ],
    ['no empty list', '<|tool_call|>[]', [], '<|tool_call|>[]', ['malformed']],
  ]);
  describeLaws(graniteParser, {
    canonical: [`<|tool_call|>[${f}]`, `<|tool_call|>[${f}, ${g}]`],
    shards: SHARDS,
  });
});

describe('granite4', () => {
  it('writes as Hermes does, and reads lists too', () => {
    expect(granite4Parser.renderCalls([F, G])).toBe(hermesParser.renderCalls([F, G]));
    expect(
      granite4Parser.parse(`<tool_call>[${f}]`, { tools: [], finishReason: 'stop' }).calls,
    ).toEqual([F]);
  });
  describeLaws(granite4Parser, {
    canonical: [
      `<tool_call>\n${f}\n</tool_call>`,
      `<tool_call>\n${f}\n</tool_call>\n<tool_call>\n${g}\n</tool_call>`,
    ],
    shards: SHARDS,
  });
});
