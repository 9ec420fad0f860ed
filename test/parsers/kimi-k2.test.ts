import { describe, expect, it } from 'vitest';
import { kimiK2Parser } from '../../src/parsers/index.ts';
import { describeLaws, itReads } from './support/laws.ts';

// Spellings: vLLM at 03d5dc96097e1c7c76e004250a57c24cb4365d35, kimi_k2_tool_parser.py.
const [BEGIN, END] = ['<|tool_calls_section_begin|>', '<|tool_calls_section_end|>'];
const [OPEN, ARGS, CLOSE] = [
  '<|tool_call_begin|>',
  '<|tool_call_argument_begin|>',
  '<|tool_call_end|>',
];
const call = (id: string, body: string) => `${OPEN}${id}${ARGS}${body}${CLOSE}`;
const f = call('functions.f:0', '{"a": 1}');
const F = { name: 'f', argumentsText: '{"a": 1}', id: 'functions.f:0' };
const G = { name: 'g', argumentsText: '{}', id: 'functions.g:12' };

describe('kimi_k2', () => {
  itReads(kimiK2Parser, [
    ['a call', `Hm.${BEGIN}${f}${END}`, [F], 'Hm.'],
    ['two calls', `${BEGIN}${f}${call('functions.g:12', '{}')}${END}`, [F, G], ''],
    [
      'white space',
      `${BEGIN}\n${OPEN} functions.f:0 ${ARGS} {"a": 1}\n${CLOSE}\n${END}\n`,
      [F],
      '',
    ],
    [
      'the section in the singular',
      `<|tool_call_section_begin|>${f}<|tool_call_section_end|>`,
      [F],
      '',
    ],
    ['a call without its section', f, [F], ''],
    ['an id without `functions.`', call('g:1', '{}'), [{ ...G, id: 'g:1' }], ''],
    ['an id without an index', call('functions.g', '{}'), [{ ...G, id: 'functions.g' }], ''],
    ['string arguments untouched', call('functions.f:0', '"{\\"a\\": 1}"'), [F], ''],
    ['an unclosed call', `${BEGIN}${f.slice(0, -CLOSE.length)}`, [F], ''],
    ['no unclosed call of a cut text', f.slice(0, -1), [], f.slice(0, -1), ['cut_off'], 'length'],
    [
      'the closed calls of a cut text',
      `${BEGIN}${f}${OPEN}fun`,
      [F],
      `${OPEN}fun`,
      ['cut_off'],
      'length',
    ],
    [
      'the good call beside a malformed one',
      `${BEGIN}${call('functions.f:0', '{')}${f}${END}`,
      [F],
      `${BEGIN}${call('functions.f:0', '{')}`,
      ['malformed'],
    ],
    ['no call without an id', call('', '{}'), [], call('', '{}'), ['malformed']],
    [
      'no call without arguments',
      call('functions.f:0', ''),
      [],
      call('functions.f:0', ''),
      ['malformed'],
    ],
    [
      'prose that names a marker',
      `the ${OPEN} marker <x>`,
      [],
      `the ${OPEN} marker <x>`,
      ['malformed'],
    ],
  ]);

  it('matches names with dots against the offered tools', () => {
    const nameOf = (id: string, ...offered: string[]) =>
      kimiK2Parser.parse(call(id, '{}'), {
        tools: offered.map((name) => ({ name, description: '', parameters: {} })),
        finishReason: 'stop',
      }).calls[0]?.name;
    expect(nameOf('functions.my.tool:0', 'my.tool', 'tool')).toBe('my.tool');
    expect(nameOf('functions.my.tool:0', 'tool')).toBe('tool');
    expect(nameOf('functions.my.tool:0', 'functions.my.tool')).toBe('functions.my.tool');
    expect(nameOf('functions.my.tool:0')).toBe('my.tool');
    expect(nameOf('my.tool:0', 'other')).toBe('my.tool');
  });

  it('makes ids as the model does, and keeps its own', () => {
    const bare = { name: 'my.tool', argumentsText: '{}' };
    expect(kimiK2Parser.callId?.(bare, 3, Math.random)).toBe('functions.my.tool:3');
    const render = (id?: string) => kimiK2Parser.renderCalls([{ ...bare, ...(id && { id }) }]);
    expect(render()).toBe(`${BEGIN}${call('functions.my.tool:0', '{}')}${END}`);
    expect(render('call_1')).toBe(render());
    expect(render('functions.my.tool:7')).toContain(`${OPEN}functions.my.tool:7${ARGS}`);
  });

  describeLaws(kimiK2Parser, {
    canonical: [
      `${BEGIN}${f}${END}`,
      `${BEGIN}${f}${call('functions.my.g:12', '{"b": []}')}${END}`,
    ],
    shards: [BEGIN, END, OPEN, ARGS, CLOSE, '<|tool_call', '<|tool_calls_', 'functions.f:0', 'f'],
  });
});
