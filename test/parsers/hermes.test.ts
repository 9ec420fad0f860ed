import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hermesParser, MAX_DIAGNOSTICS, scanJson } from '../../src/parsers/index.ts';
import { describeLaws } from './support/laws.ts';

const parse = (text: string, finishReason = 'stop') =>
  hermesParser.parse(text, { tools: [], finishReason });
const call = (body: string) => `<tool_call>\n${body}\n</tool_call>`;
const F = call('{"name": "f", "arguments": {"a": 1}}');
const F_CALL = { name: 'f', argumentsText: '{"a": 1}' };

describe('calls of the hermes grammar', () => {
  const table: readonly (readonly [string, string, readonly object[], string])[] = [
    ['a call', F, [F_CALL], ''],
    [
      'a call on one line',
      '<tool_call>{"name":"f","arguments":{"a": 1}}</tool_call>',
      [F_CALL],
      '',
    ],
    ['keys in the other order', call('{"arguments": {"a": 1}, "name": "f"}'), [F_CALL], ''],
    [
      'two calls with words around',
      `Let me see.\n${F}\nand\n${F}\n`,
      [F_CALL, F_CALL],
      'Let me see.\nand',
    ],
    [
      'arguments to the character',
      call('{"name":"f","arguments":{ "a":1.0e0,\n"b" : [ ]}}'),
      [{ name: 'f', argumentsText: '{ "a":1.0e0,\n"b" : [ ]}' }],
      '',
    ],
    ['string arguments untouched', call('{"name":"f","arguments":"{\\"a\\": 1}"}'), [F_CALL], ''],
    [
      'plain string arguments untouched',
      call('{"name":"f","arguments":"ls -la"}'),
      [{ name: 'f', argumentsText: 'ls -la' }],
      '',
    ],
    [
      'arguments of other types verbatim',
      call('{"name":"f","arguments":[1, 2]}'),
      [{ name: 'f', argumentsText: '[1, 2]' }],
      '',
    ],
    ['`parameters` for `arguments`', call('{"name":"f","parameters":{"a": 1}}'), [F_CALL], ''],
    ['no arguments', call('{"name":"f"}'), [{ name: 'f', argumentsText: '{}' }], ''],
    [
      'the last of a repeated key',
      call('{"name":"g","name":"f","arguments":{},"arguments":{"a": 1}}'),
      [F_CALL],
      '',
    ],
    ['an escaped name', call('{"n\\u0061me":"\\u0066","arguments":{"a": 1}}'), [F_CALL], ''],
    [
      'an unknown name',
      call('{"name":"zzz","arguments":{}}'),
      [{ name: 'zzz', argumentsText: '{}' }],
      '',
    ],
    [
      'tags inside arguments',
      call('{"name":"f","arguments":{"a":"</tool_call><think><tool_call>"}}'),
      [{ name: 'f', argumentsText: '{"a":"</tool_call><think><tool_call>"}' }],
      '',
    ],
    ['an unclosed last call whose JSON is complete', F.slice(0, -12), [F_CALL], ''],
    ['a half-written closing tag', F.slice(0, -4), [F_CALL], ''],
    ['an unclosed call before another', `${F.slice(0, -12)}\n${F}`, [F_CALL, F_CALL], ''],
    [
      'a good call after thinking',
      `<think>hm ${F}</think>ok ${F}`,
      [F_CALL],
      `<think>hm ${F}</think>ok`,
    ],
    [
      'a good call after prose that names the tag',
      `the <tool_call> tag: ${F}`,
      [F_CALL],
      'the <tool_call> tag:',
    ],
  ];
  it.each(table)('%s', (_name, text, calls, content) => {
    expect(parse(text)).toMatchObject({ calls, content });
  });
});

describe('text that is no call leaves a diagnostic and stays in the content', () => {
  const table: readonly (readonly [string, string, string, string])[] = [
    ['prose', 'no calls here', 'stop', ''],
    ['prose that names the tag', 'I would use <tool_call> here', 'stop', 'malformed'],
    ['broken JSON', call('{"name": f}'), 'stop', 'malformed'],
    ['single quotes', call("{'name': 'f'}"), 'stop', 'malformed'],
    ['no name', call('{"arguments": {}}'), 'stop', 'malformed'],
    ['a name that is no string', call('{"name": 5}'), 'stop', 'malformed'],
    ['JSON that goes on', call('{"name":"f","arguments":{}}}'), 'stop', 'malformed'],
    [
      'a raw newline in a string',
      call('{"name":"f","arguments":{"a":"x\ny"}}'),
      'stop',
      'malformed',
    ],
    ['a cut-off call', '<tool_call>\n{"name": "f", "arguments": {"a', 'length', 'cut_off'],
    [
      'a cut-off call that claims to have stopped',
      '<tool_call>\n{"name": "f", "argum',
      'stop',
      'cut_off',
    ],
    ['an opening tag at the end', 'hm <tool_call>\n', 'length', 'cut_off'],
    ['an unclosed call of a cut text, complete as it looks', F.slice(0, -12), 'length', 'cut_off'],
    ['a call in a think block', `<think>${F}</think>done`, 'stop', 'in_thinking'],
    ['a call in an open think block', `<think>so ${F}`, 'stop', 'in_thinking'],
    [
      'a call before the end of a think block that the prompt opened',
      `so ${F} no.</think>done`,
      'stop',
      'in_thinking',
    ],
  ];
  it.each(table)('%s', (_name, text, finishReason, kind) => {
    const parsed = parse(text, finishReason);
    expect(parsed.calls).toEqual([]);
    expect(parsed.content).toBe(text);
    expect(parsed.diagnostics.map((diagnostic) => diagnostic.kind)).toEqual(
      kind === '' ? [] : [kind],
    );
  });

  it('keeps the good call beside a malformed one', () => {
    for (const text of [`${call('{"name": }')}${F}`, `${F}${call('{"name": }')}`]) {
      const parsed = parse(text);
      expect(parsed.calls).toEqual([F_CALL]);
      expect(parsed.diagnostics).toHaveLength(1);
      expect(parsed.content).toBe(call('{"name": }'));
    }
  });

  it('does not run what a broken call quotes', () => {
    const quoted = call(`{"name":"write","arguments":{"text":"use ${F} so"}}`);
    expect(parse(quoted).calls).toEqual([]);
  });

  it('keeps closed calls of a cut text', () => {
    expect(parse(`${F}<tool_call>{"name": "g`, 'length').calls).toEqual([F_CALL]);
  });
});

describe('properties', () => {
  it('reads back what it renders', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 1, unit: 'binary' }),
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.dictionary(fc.string(), fc.jsonValue()).map((value) => JSON.stringify(value, null, 1)),
        ),
        (name, argumentsText) => {
          const parsed = parse(hermesParser.renderCalls([{ name, argumentsText }]));
          expect(parsed.calls).toEqual([{ name, argumentsText }]);
          expect(parsed.diagnostics).toEqual([]);
        },
      ),
    );
  });

  const shard = fc.constantFrom(
    '<tool_call>',
    '</tool_call>',
    '<think>',
    '</think>',
    '{',
    '}',
    '"',
    '\\',
    '[',
    ']',
    ':',
    ',',
    '\n',
    '"name"',
    '"f"',
    '"arguments"',
    '1',
    F,
  );
  it('never throws, and never makes a call of a prefix that ends inside it', () => {
    fc.assert(
      fc.property(
        fc.array(shard, { maxLength: 40 }),
        fc.constantFrom('stop', 'length'),
        (shards, finish) => {
          const parsed = parse(shards.join(''), finish);
          for (const { argumentsText } of parsed.calls) expect(typeof argumentsText).toBe('string');
        },
      ),
    );
    for (let cut = 0; cut < F.length; cut += 1)
      expect(parse(F.slice(0, cut), 'length').calls).toEqual([]);
  });

  it('is linear on hostile text', () => {
    const hostile = [
      '<tool_call>',
      '<tool_call>{',
      '<tool_call>{"',
      '<tool_call>{"a":"',
      '<tool_call>{"a":[',
      '<think>',
      '</think>',
      '<tool_call>{}',
      '<tool_call>{"name":"f"}',
      '[',
      '\\',
    ];
    for (const unit of hostile) {
      const text = `<tool_call>{"a":${unit.repeat(Math.ceil(2_000_000 / unit.length))}`;
      const start = performance.now();
      expect(parse(text).diagnostics.length).toBeLessThanOrEqual(MAX_DIAGNOSTICS);
      expect(
        parse(unit.repeat(Math.ceil(2_000_000 / unit.length))).diagnostics.length,
      ).toBeLessThanOrEqual(MAX_DIAGNOSTICS);
      // Quadratic work on 2 MB would take minutes.
      expect(performance.now() - start).toBeLessThan(5_000);
    }
  });
});

describe('scanJson', () => {
  it('agrees with JSON.parse on where a value ends', () => {
    fc.assert(
      fc.property(
        fc.jsonValue(),
        fc.constantFrom(0, 1),
        fc.constantFrom('', ' ', ',', ']'),
        (value, indent, tail) => {
          const text = JSON.stringify(value, null, indent);
          expect(scanJson(text + tail, 0)).toEqual({ kind: 'complete', end: text.length });
        },
      ),
    );
  });

  it('calls every proper prefix of an object incomplete', () => {
    const text = '{"a": [1, -2.5e3, true, null, "x\\u00e9\\n"], "b": {"c": {}}}';
    for (let cut = 1; cut < text.length; cut += 1) {
      expect(scanJson(text.slice(0, cut), 0)).toEqual({ kind: 'incomplete' });
    }
  });

  it.each([
    '{a:1}',
    '[1,]',
    '{"a":1,}',
    '[01]',
    '["\t"]',
    '["\\x"]',
    '[nul]',
    '}',
    '{"a"}',
    '[1 2]',
  ])('refuses %s', (text) => expect(scanJson(text, 0).kind).toBe('invalid'));
});

describeLaws(hermesParser, {
  canonical: [F, `${F}\n${call('{"name": "g", "arguments": {"b": []}}')}`],
  shards: ['<tool_call>', '</tool_call>', '<tool_', '</tool_call', '"name"', '"arguments"'],
});
