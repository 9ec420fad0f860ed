import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/messages.ts';
import { pythonLiteralJson, scanPythonLiteral } from '../../src/parsers/python-literal.ts';
import { pythonLiteral } from '../../src/parsers/to-python.ts';
import { argumentsOf, TypedArguments, typedValueJson } from '../../src/parsers/typed-value.ts';

/** Each refers to the next twice: 2^40 paths to one string. */
const DIAMONDS = Object.fromEntries(
  Array.from({ length: 40 }, (_, i) => {
    const next = { $ref: i < 39 ? `#/$defs/d${i + 1}` : '#/$defs/name' };
    return [`d${i}`, { anyOf: [next, next] }];
  }),
);
const ROOT: JsonObject = {
  $defs: {
    name: { type: 'string' },
    loop: { $ref: '#/$defs/loop' },
    tree: { anyOf: [{ $ref: '#/$defs/tree' }, { type: 'integer' }] },
    'a/b': { type: 'integer' },
    named: { anyOf: [{ $ref: '#/$defs/name' }, { type: 'null' }] },
    listed: { anyOf: [{ $ref: '#/$defs/name' }, { type: 'array' }] },
    json: { anyOf: [{ $ref: '#/$defs/json' }, { $ref: '#/$defs/name' }] },
    ring: { anyOf: [{ $ref: '#/$defs/gnir' }, { type: 'null' }] },
    gnir: { anyOf: [{ $ref: '#/$defs/ring' }, { $ref: '#/$defs/name' }] },
    ...DIAMONDS,
  },
};
const typed = (text: string, schema?: unknown) => typedValueJson(text, schema, ROOT);

describe('a value is read by its schema', () => {
  const string = { type: 'string' };
  it.each(['true', '0123', 'null', 'None', '"q"', ' x ', '\n', '', '{"a": 1}', '1.0', "'a'"])(
    'a string keeps its text: %j',
    (text) => expect(typed(text, string)).toBe(JSON.stringify(text)),
  );

  const table: readonly (readonly [string, unknown, string])[] = [
    ['1.0', { type: 'number' }, '1.0'],
    ['12345678901234567890123', { type: 'integer' }, '12345678901234567890123'],
    [' 5\n', { type: 'integer' }, '5'],
    ['0123', { type: 'integer' }, '"0123"'],
    ['five', { type: 'integer' }, '"five"'],
    ['true', { type: 'boolean' }, 'true'],
    ['True', { type: 'boolean' }, 'true'],
    ['None', { type: 'null' }, 'null'],
    ['[1 ,2]', { type: 'array' }, '[1 ,2]'],
    ["['a', 2,]", { type: 'array' }, '["a", 2]'],
    ["{'a': (1, None)}", { type: 'object' }, '{"a": [1, null]}'],
    ['__import__("os")', { type: 'object' }, '"__import__(\\"os\\")"'],
    // A string and something else.
    ['null', { type: ['string', 'null'] }, 'null'],
    ['None', { type: ['string', 'null'] }, 'null'],
    ['5', { type: ['string', 'null'] }, '"5"'],
    ['5', { anyOf: [{ type: 'string' }, { type: 'integer' }] }, '5'],
    ['5.5', { oneOf: [{ type: 'string' }, { type: 'integer' }] }, '"5.5"'],
    ['5.0', { oneOf: [{ type: 'string' }, { type: 'integer' }] }, '5.0'],
    ['5.5', { oneOf: [{ type: 'string' }, { type: 'number' }] }, '5.5'],
    ['"q"', { type: ['string', 'integer'] }, '"\\"q\\""'],
    ['[1]', { type: ['string', 'array'] }, '[1]'],
    ['[1', { type: ['string', 'array'] }, '"[1"'],
    ['{}', { type: ['string', 'array'] }, '"{}"'],
    // Values that are listed.
    ['1', { enum: ['1', 2] }, '"1"'],
    ['2', { enum: ['1', 2] }, '2'],
    ['null', { enum: ['null', null] }, '"null"'],
    ['true', { const: 'true' }, '"true"'],
    ['true', { enum: [true, false] }, 'true'],
    // References, and parts that say nothing.
    ['5', { $ref: '#/$defs/name' }, '"5"'],
    ['5', { $ref: '#/$defs/a~1b' }, '5'],
    ['5', { $ref: '#/$defs/tree' }, '5'],
    ['5', { $ref: '#/$defs/loop' }, '5'],
    ['5', { $ref: '#/$defs/none', type: 'string' }, '"5"'],
    ['5', { $ref: '#/$defs/loop', type: 'string' }, '"5"'],
    ['5', { anyOf: [{ $ref: '#/$defs/named' }, { $ref: '#/$defs/listed' }] }, '"5"'],
    ['[5]', { anyOf: [{ $ref: '#/$defs/named' }, { $ref: '#/$defs/listed' }] }, '[5]'],
    ['5', { $ref: '#/$defs/json' }, '"5"'],
    ['5', { $ref: '#/$defs/ring' }, '"5"'],
    ['null', { $ref: '#/$defs/ring' }, 'null'],
    ['5', { $ref: '#/__proto__/x' }, '5'],
    ['5', { $ref: 'http://elsewhere' }, '5'],
    ['5', { allOf: [{ type: 'string' }, { minLength: 1 }] }, '"5"'],
    ['5', { anyOf: [{ type: 'string' }, {}] }, '5'],
    ['5', { type: 'nonsense' }, '5'],
    ['5', true, '5'],
    // No schema.
    ['5', undefined, '5'],
    ['1.0', undefined, '1.0'],
    ['{"a": 1}', undefined, '{"a": 1}'],
    ['"q"', undefined, '"q"'],
    ['true', undefined, '"true"'],
    ['null', undefined, '"null"'],
    ['True', undefined, '"True"'],
    ["{'a': 1}", undefined, '"{\'a\': 1}"'],
    [' hi ', undefined, '" hi "'],
    ['', undefined, '""'],
  ];
  it('follows references as deep and as often as they are told apart', () => {
    expect(typed('5', { $ref: '#/$defs/d0' })).toBe('"5"');
    let nested: JsonObject = { type: 'string' };
    for (let depth = 0; depth < 100_000; depth += 1) nested = { anyOf: [nested] };
    expect(typed('5', nested)).toBe('5');
    expect(typed('5', { anyOf: [{ type: 'string' }, nested] })).toBe('"5"');
    const wide = Array.from({ length: 100_000 }, () => ({ type: 'string' }));
    expect(typed('5', { anyOf: wide })).toBe('"5"');
  });

  it.each(table)('%j by %j is %s', (text, schema, json) => expect(typed(text, schema)).toBe(json));

  it('a value that the grammar says is no string is a literal', () => {
    const read = (text: string) => typedValueJson(text, undefined, undefined, 'no_string');
    expect(['true', 'True', '[1]', 'x'].map(read)).toEqual(['true', 'true', '[1]', '"x"']);
  });

  it('finds the schema among the properties, own ones only, else of additional ones', () => {
    const members = new TypedArguments({
      properties: { a: { type: 'string' } },
      additionalProperties: { type: 'integer' },
    });
    members.addText('a', '1');
    members.addText('b', '2');
    members.addText('__proto__', '3');
    members.addText('a', '4');
    expect(members.toText()).toBe('{"a": "4", "b": 2, "__proto__": 3}');
  });
});

describe('arguments to be spelled', () => {
  it('are those of an object, and of nothing else', () => {
    expect(argumentsOf(' {"a": 1.0, "b": "x\\n", "a": [1 ]} ')).toEqual([
      { key: 'a', json: '[1 ]', string: undefined },
      { key: 'b', json: '"x\\n"', string: 'x\n' },
    ]);
    for (const text of ['', '[]', '{', '{} x', '"{}"']) expect(argumentsOf(text)).toBeUndefined();
  });
});

// What Python 3.11's ast.literal_eval and json.dumps make of the same texts.
describe('a Python literal', () => {
  const table: readonly (readonly [string, string])[] = [
    ['None', 'null'],
    ["'it''s'", '"its"'],
    ['\'a\' "b"', '"ab"'],
    ["r'\\n'", '"\\\\n"'],
    ["u'x'", '"x"'],
    ["'''a\n'b'''", '"a\\n\'b"'],
    ['"""a"b"""', '"a\\"b"'],
    ["'\\x41\\u00e9\\U0001F600\\101\\'\\\\\\q\\\n'", '"Aé😀A\'\\\\\\\\q"'],
    ["'\\ud83d\\ude00'", '"😀"'],
    ['1_000', '1000'],
    ['+5', '5'],
    ['-.5', '-0.5'],
    ['5.', '5.0'],
    ['5.e3', '5.0e3'],
    ['0x1F', '31'],
    ['-0b11', '-3'],
    ['0o17', '15'],
    ['1e5', '1e5'],
    ['(1)', '1'],
    ['(1,)', '[1]'],
    ['()', '[]'],
    ['(1, 2)', '[1, 2]'],
    ['[ 1 , [ ] ,]', '[1, []]'],
    ["{'a': 1, 2: None, True: 'x', 'a': 3}", '{"a": 3, "2": null, "true": "x"}'],
    ['{}', '{}'],
  ];
  it.each(table)('%s is %s', (text, json) => expect(pythonLiteralJson(text)).toBe(json));

  it.each([
    '',
    'x',
    '1 2',
    '1+1',
    '1j',
    '01',
    '1__0',
    '1_',
    '{1, 2}',
    '{[1]: 2}',
    '[,]',
    '[1,,2]',
    "b'x'",
    "f'{x}'",
    "'\\N{DASH}'",
    "'\\xZZ'",
    "'a\nb'",
    'f()',
    'lambda: 1',
    '[x for x in y]',
    '"a" % 1',
    'inf',
    '- 1',
    '1.2.3',
    `0x${'f'.repeat(300)}`,
    `${'['.repeat(300)}${']'.repeat(300)}`,
  ])('%j is none', (text) => expect(pythonLiteralJson(text)).toBeUndefined());

  it('is incomplete in every piece of it, and nothing else', () => {
    const text = "{'a\\u00e9': [1.5e+10, -0x1f, (True, None)], \"b\": '''x''' 'y', r'c': 1_0} ";
    for (let cut = 1; cut < text.length - 1; cut += 1) {
      expect(scanPythonLiteral(text.slice(0, cut), 0)).toEqual({ kind: 'incomplete' });
    }
    expect(scanPythonLiteral(text, 0)).toMatchObject({ kind: 'complete', end: text.length - 1 });
  });

  it('says what the JSON says that it was made of', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4, stringUnit: 'binary' }), (value) => {
        const json = pythonLiteralJson(pythonLiteral(JSON.stringify(value)));
        expect(JSON.parse(json!)).toEqual(value);
      }),
    );
  });

  it('never throws, and gets through hostile megabytes', () => {
    const shards = [
      "'",
      '"',
      "'''",
      '\\',
      '[',
      '(',
      '{',
      '{1:',
      ',',
      '1',
      '_',
      '.',
      'e',
      ' ',
      'r"',
    ];
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...shards, 'None', ':', ']', '}', ')', '\n')),
        (parts) => {
          const json = pythonLiteralJson(parts.join(''));
          if (json !== undefined) JSON.parse(json);
        },
      ),
      { numRuns: 1_000 },
    );
    for (const shard of [...shards, '\\x', "'a'", "'' ", '1,']) {
      for (const head of ['', '[', "'", "'''", '0x']) {
        pythonLiteralJson(head + shard.repeat(1_000_000 / shard.length));
      }
    }
  });
});
