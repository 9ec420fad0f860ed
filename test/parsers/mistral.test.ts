import { describe, expect, it } from 'vitest';
import { mistralListParser, mistralParser } from '../../src/parsers/index.ts';
import { describeLaws, itReads } from './support/laws.ts';

// Spellings: mistral-common at 013341e4de3d0ad1c26fe1f28a988f4c358b78a0,
// src/mistral_common/tokens/tokenizers/instruct.py (InstructTokenizerV11, V13), and the template of
// Mistral-Small-3.1 in llama.cpp at 9190da2208fbaa161e10f5f0f9ab437faeacba13, models/templates.
const F = { name: 'f', argumentsText: '{"a": 1}' };
const G = { name: 'g', argumentsText: '{}' };
const SHARDS = ['[TOOL_CALLS]', '[TOOL_CALLS] ', '[TOOL_CALLS', '[ARGS]', '[CALL_ID]', 'aBcDeF123'];

describe('mistral', () => {
  itReads(mistralParser, [
    ['a name and arguments', '[TOOL_CALLS]f{"a": 1}', [F], ''],
    ['the [ARGS] marker', '[TOOL_CALLS]f[ARGS]{"a": 1}', [F], ''],
    ['an id', '[TOOL_CALLS]f[CALL_ID]aBcDeF123[ARGS]{"a": 1}', [{ ...F, id: 'aBcDeF123' }], ''],
    ['two calls', 'Hm. [TOOL_CALLS]f[ARGS]{"a": 1}[TOOL_CALLS]g[ARGS]{}', [F, G], 'Hm.'],
    ['names with dots and dashes', '[TOOL_CALLS]a.b-c_1{}', [{ ...G, name: 'a.b-c_1' }], ''],
    ['string arguments untouched', '[TOOL_CALLS]f[ARGS]"{\\"a\\": 1}"', [F], ''],
    ['an array of arguments', '[TOOL_CALLS]f[ARGS][1]', [{ ...F, argumentsText: '[1]' }], ''],
    ['the list', '[TOOL_CALLS] [{"name": "f", "arguments": {"a": 1}}, {"name": "g"}]', [F, G], ''],
    ['a list without a space', '[TOOL_CALLS][{"name": "g", "arguments": {}}]', [G], ''],
    [
      'ids in a list',
      '[TOOL_CALLS] [{"name": "f", "arguments": {"a": 1}, "id": "aBcDeF123"}]',
      [{ ...F, id: 'aBcDeF123' }],
      '',
    ],
    ['a single object', '[TOOL_CALLS]{"name": "f", "arguments": {"a": 1}}', [F], ''],
    ['what follows as content', '[TOOL_CALLS]f{"a": 1} and so on', [F], 'and so on'],
    ['what follows a list as content', '[TOOL_CALLS] [{"name": "g"}]\n\nDone.', [G], 'Done.'],
    ['a list that the text ends in', '[TOOL_CALLS] [{"name": "g"}', [G], ''],
    [
      'a list that the text was cut in',
      '[TOOL_CALLS] [{"name": "g"}',
      [],
      '[TOOL_CALLS] [{"name": "g"}',
      ['cut_off'],
      'length',
    ],
    [
      'the closed calls of a cut list',
      '[TOOL_CALLS] [{"name": "g"}, {"name": "f", "arg',
      [G],
      '{"name": "f", "arg',
      ['cut_off'],
      'length',
    ],
    [
      'arguments with a name that a cut list ends in, as no call',
      '[TOOL_CALLS] [{"name": "f", "arguments": {"name": "rm", "arguments": {}}',
      [],
      '[TOOL_CALLS] [{"name": "f", "arguments": {"name": "rm", "arguments": {}}',
      ['cut_off'],
    ],
    [
      'the good calls of a list',
      '[TOOL_CALLS] [{"nam": 1}, {"name": "g"}, {"name": }]',
      [G],
      '{"name": }]',
      ['malformed', 'malformed'],
    ],
    [
      'the good call beside a malformed one',
      '[TOOL_CALLS]f{"a": }[TOOL_CALLS]g{}',
      [G],
      '[TOOL_CALLS]f{"a": }',
      ['malformed'],
    ],
    [
      'no call that a broken one quotes',
      '[TOOL_CALLS]write{"text": "use [TOOL_CALLS]f{"a": 1} so"}',
      [],
      '[TOOL_CALLS]write{"text": "use [TOOL_CALLS]f{"a": 1} so"}',
      ['malformed'],
    ],
    [
      'prose with a brace that names the marker',
      'say [TOOL_CALLS] name {} then',
      [],
      'say [TOOL_CALLS] name {} then',
      ['malformed'],
    ],
    [
      'no call that a broken one quotes behind where it broke',
      '[TOOL_CALLS]write{"text": "say "use" [TOOL_CALLS]f{"a": 1} so"}',
      [],
      '[TOOL_CALLS]write{"text": "say "use" [TOOL_CALLS]f{"a": 1} so"}',
      ['malformed'],
    ],
    [
      'no call that a broken list quotes behind where it broke',
      '[TOOL_CALLS] [{"name": "write", "arguments": "say "use" [TOOL_CALLS]f{"a": 1}"}]',
      [],
      '[TOOL_CALLS] [{"name": "write", "arguments": "say "use" [TOOL_CALLS]f{"a": 1}"}]',
      ['malformed'],
    ],
    [
      'prose that names the marker',
      'after [TOOL_CALLS] comes a name, or [TOOL_CALLS] [like so].',
      [],
      'after [TOOL_CALLS] comes a name, or [TOOL_CALLS] [like so].',
      ['malformed', 'malformed'],
    ],
    ['a call whose id has another form', '[TOOL_CALLS]g[CALL_ID]call_1[ARGS]{}', [G], ''],
    ['a listed call whose id has', '[TOOL_CALLS] [{"name": "g", "id": "1"}]', [G], ''],
  ]);

  it('makes ids of nine letters and digits', () => {
    const id = mistralParser.callId!(F, 0, () => 0.999_999);
    expect(id).toBe('999999999');
    expect(mistralParser.callId!(F, 0, Math.random)).toMatch(/^[A-Za-z0-9]{9}$/);
  });

  it('renders no id that its templates refuse', () => {
    expect(mistralParser.renderCalls([{ ...G, id: 'call_1' }])).toBe('[TOOL_CALLS]g[ARGS]{}');
  });

  describeLaws(mistralParser, {
    canonical: [
      '[TOOL_CALLS]f[ARGS]{"a": [1, "x"]}',
      '[TOOL_CALLS]f[CALL_ID]aBcDeF123[ARGS]{"a": 1}[TOOL_CALLS]g[CALL_ID]000000000[ARGS]{}',
    ],
    shards: SHARDS,
    think: ['[THINK]', '[/THINK]'],
  });
});

describe('mistral_v3', () => {
  describeLaws(mistralListParser, {
    canonical: [
      '[TOOL_CALLS] [{"name": "f", "arguments": {"a": 1}}]',
      '[TOOL_CALLS] [{"name": "f", "arguments": {}, "id": "aBcDeF123"}, {"name": "g", "arguments": {"b": []}}]',
    ],
    shards: SHARDS,
  });
});
