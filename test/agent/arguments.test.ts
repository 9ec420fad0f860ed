import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { normaliseArguments } from '../../src/agent/arguments/index.ts';
import type { JsonObject, ToolDefinition } from '../../src/messages.ts';

const define = (
  name: string,
  properties: JsonObject,
  required?: readonly string[],
): ToolDefinition => ({
  name,
  description: '',
  parameters: { type: 'object', properties, ...(required === undefined ? {} : { required }) },
});
const terminal = define('terminal', { command: { type: 'string' }, timeout: { type: 'integer' } }, [
  'command',
]);
const add = define('add', { a: { type: 'number' }, b: { type: 'number' } });

describe('the safe profile', () => {
  const run = (text: string, tool: ToolDefinition) => normaliseArguments(text, tool, 'safe');

  const readyTable: readonly (readonly [string, ToolDefinition, object, string])[] = [
    ['', add, {}, 'coerced'],
    [' \n\t', terminal, {}, 'coerced'],
    ['""', add, {}, 'coerced'],
    ['null', add, {}, 'coerced'],
    ['{"a":1}', add, { a: 1 }, 'schemaValid'],
    [' { "a" : 1 }\n', add, { a: 1 }, 'schemaValid'],
    ['{}', add, {}, 'schemaValid'],
    ['\ufeff{"a":1}', add, { a: 1 }, 'repaired'],
    ['{"a":1,"b":[2,3, ],\n}', add, { a: 1, b: [2, 3] }, 'repaired'],
    ['{"a":",}"}', add, { a: ',}' }, 'schemaValid'],
    ['{"a":",}",}', add, { a: ',}' }, 'repaired'],
    ['{"command":"a\nb\tc\u0000"}', terminal, { command: 'a\nb\tc\u0000' }, 'repaired'],
    [
      '{"command":"grep \\d \\u12 \\\\ \\""}',
      terminal,
      { command: 'grep \\d \\u12 \\ "' },
      'repaired',
    ],
    ['{"command":"echo \\\'hi\\\'"}', terminal, { command: "echo 'hi'" }, 'repaired'],
    ['```json\n{"command":"ls"}\n```', terminal, { command: 'ls' }, 'repaired'],
    ['```\n{"command":"ls",}```\n', terminal, { command: 'ls' }, 'repaired'],
    ['{"a":1}{"a":1}', add, { a: 1 }, 'repaired'],
    ['{"a":1,}\n{"a":1,}\n{"a":1,}', add, { a: 1 }, 'repaired'],
    ['{"command":"ls"}', terminal, { command: 'ls' }, 'schemaValid'],
    ['{"command":" "}', terminal, { command: ' ' }, ''],
    ['{"input":"ls"}', terminal, { input: 'ls' }, ''],
    ['"{\\"a\\":1}"', add, { a: 1 }, 'coerced'],
    [JSON.stringify(JSON.stringify('{"a":1}')), add, { a: 1 }, 'coerced'],
    ['ls -la', terminal, { command: 'ls -la' }, 'coerced'],
    ['"ls -la"', terminal, { command: 'ls -la' }, 'coerced'],
    ['42', terminal, { command: '42' }, 'coerced'],
    ['true', terminal, { command: 'true' }, 'coerced'],
    [
      '1 + 1',
      define('calc', { expression: { type: 'string' } }),
      { expression: '1 + 1' },
      'coerced',
    ],
  ];
  it.each(readyTable)('%j of %j is taken', (text, tool, args, flag) => {
    const flags = { schemaValid: false, coerced: false, repaired: false };
    expect(run(text, tool)).toEqual({
      kind: 'ready',
      arguments: args,
      ...flags,
      ...(flag === '' ? {} : { [flag]: true }),
      json: JSON.stringify(args),
    });
  });

  const refusedTable: readonly (readonly [string, ToolDefinition, RegExp])[] = [
    ['{"command":"rm -rf /tmp/x', terminal, /not valid JSON .*cut off/],
    ['{"command":"ls"} trailing', terminal, /not valid JSON/],
    ['"rm -rf /tm', terminal, /not valid JSON/],
    ['["ls"', terminal, /not valid JSON/],
    ['"{bad}"', terminal, /not valid JSON/],
    ['```json\n{"command":"ls"}\n``', terminal, /not valid JSON/],
    ['```json\n{"command":"ls"\n```', terminal, /not valid JSON/],
    ['```\nls\n```', terminal, /not valid JSON/],
    ['{"command":"ls",', terminal, /cut off/],
    ['{"command":"ls",,}', terminal, /not valid JSON/],
    ['{"command":"ls"}{"command":', terminal, /cut off/],
    ['{"command":"ls"}{"command":"rm"}', terminal, /not valid JSON/],
    ['{"command":"ls"},{"command":"ls"}', terminal, /not valid JSON/],
    ['{"command":"C:\\"}', terminal, /cut off/],
    ["{'command':'ls'}", terminal, /not valid JSON/],
    ['{command:"ls"}', terminal, /not valid JSON/],
    ['{"a":1,}'.repeat(2).slice(0, -1), add, /cut off/],
    ['["ls"]', terminal, /keys: command, timeout. They were a list/],
    ['"[1,2]"', terminal, /a list/],
    ['hello', add, /keys: a, b. They were plain text/],
    ['7', add, /plain text/],
    ['x', define('none', {}), /must be a JSON object\. They were plain text/],
    ['x', define('number', { n: { type: 'number' } }), /plain text/],
    ['x', define('two', { a: { type: 'string' }, b: { type: 'string' } }), /plain text/],
    ['x', define('odd', { a: { type: 'string' } }, ['toString']), /plain text/],
  ];
  it.each(refusedTable)('%j of %j is refused', (text, tool, message) => {
    const result = run(text, tool);
    expect(result).toMatchObject({ kind: 'refused' });
    expect(result.kind === 'refused' && result.message).toMatch(message);
  });

  it('never runs a prefix of an object', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.jsonValue(), { minKeys: 1 }),
        fc.nat(),
        (value, at) => {
          const text = JSON.stringify(value);
          const cut = text.slice(0, 1 + (at % (text.length - 1)));
          expect(run(cut, terminal).kind).toBe('refused');
        },
      ),
    );
  });

  /** One JSON text, misspelled in the ways that are mended. */
  const sloppy = fc
    .record({
      value: fc.dictionary(fc.string(), fc.jsonValue(), { minKeys: 1 }),
      commas: fc.boolean(),
      controls: fc.boolean(),
      escapes: fc.boolean(),
      copies: fc.integer({ min: 1, max: 3 }),
      fenced: fc.boolean(),
    })
    .map(({ value, commas, controls, escapes, copies, fenced }) => {
      const { text: _, ...others } = value;
      const made = { ...others, text: escapes ? 'a\n\\q' : 'a\n' };
      const newline = controls ? '\n' : '\\n';
      const last = `"a${newline}${escapes ? '\\q' : ''}"${commas ? ',\n' : ''}}`;
      const once = JSON.stringify(made).replace(/"a\\n(?:\\\\q)?"\}$/, () => last);
      const expected = made;
      const bare = once.repeat(copies);
      return { text: fenced ? `\`\`\`json\n${bare}\n\`\`\`` : bare, once, fenced, expected };
    });

  it('mends what is misspelled, and never runs a prefix of it', () => {
    fc.assert(
      fc.property(sloppy, fc.nat(), ({ text, once, fenced, expected }, at) => {
        const whole = run(text, terminal);
        expect(whole).toMatchObject({ kind: 'ready', json: JSON.stringify(expected) });
        const length = 1 + (at % (text.length - 1));
        // A copy that is complete is a call of its own.
        const isCopies = !fenced && length % once.length === 0;
        if (!isCopies) expect(run(text.slice(0, length), terminal).kind).toBe('refused');
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ['spaces in a fence', `\`\`\`json\n${' '.repeat(300_000)}x`],
    ['commas', `{"a":[${','.repeat(300_000)}`],
    ['commas and spaces', `{"a":[${', \n'.repeat(150_000)}`],
    ['backslashes', `{"a":"${'\\x'.repeat(150_000)}`],
    ['copies', `${'{"a":1}'.repeat(50_000)}{`],
  ])('takes time in proportion to hostile text: %s', (_, text) => {
    const start = performance.now();
    expect(run(text, terminal).kind).toBe('refused');
    expect(performance.now() - start).toBeLessThan(1_000);
  });

  it('takes every object as it is, and refuses depth that cannot be written again', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        expect(run(JSON.stringify(value), add)).toMatchObject({ kind: 'ready', schemaValid: true });
      }),
    );
    expect(run(`{"a":${'['.repeat(200_000)}${']'.repeat(200_000)}}`, add)).toMatchObject({
      kind: 'refused',
      message: expect.stringContaining('nested too deeply'),
    });
  });
});

describe("the seed's profile", () => {
  const other = define('lookup', {});
  const run = (text: string, tool: ToolDefinition) => {
    const result = normaliseArguments(text, tool, 'seed');
    return result.kind === 'ready' ? [result.arguments, result.schemaValid] : result.kind;
  };
  const same = (args: object, valid: boolean) => [args, valid] as const;

  // Text; what `terminal` gets; what any other tool gets.
  const table: readonly (readonly [string, readonly unknown[], readonly unknown[]])[] = [
    ['{"command":"ls"}', same({ command: 'ls' }, true), same({ command: 'ls' }, true)],
    ['{"command":"  "}', same({ command: '  ' }, false), same({ command: '  ' }, true)],
    ['{"command":""}', same({ command: '' }, false), same({ command: '' }, true)],
    ['{"command":5}', same({ command: 5 }, false), same({ command: 5 }, true)],
    ['{"command":["ls"]}', same({ command: ['ls'] }, false), same({ command: ['ls'] }, true)],
    ['{"cmd":"ls"}', same({ cmd: 'ls' }, false), same({ cmd: 'ls' }, true)],
    ['{}', same({}, false), same({}, true)],
    [
      '{"input":"ls","timeout":5}',
      same({ command: 'ls' }, false),
      same({ input: 'ls', timeout: 5 }, true),
    ],
    ['ls -la', same({ command: 'ls -la' }, false), same({ input: 'ls -la' }, false)],
    ['"ls -la"', same({ command: 'ls -la' }, false), same({ input: 'ls -la' }, false)],
    ['"{\\"input\\":\\"ls\\"}"', same({ input: 'ls' }, false), same({ input: 'ls' }, false)],
    ['" {\\"a\\":1} "', same({ a: 1 }, false), same({ a: 1 }, false)],
    ['"{bad}"', same({ command: '{bad}' }, false), same({ input: '{bad}' }, false)],
    ['"[1,2]"', same({ command: '[1,2]' }, false), same({ input: '[1,2]' }, false)],
    ['[1,"a"]', same({ command: "[1, 'a']" }, false), same({ input: [1, 'a'] }, false)],
    ['["ls"]', same({ command: "['ls']" }, false), same({ input: ['ls'] }, false)],
    ['true', same({ command: 'True' }, false), same({ input: true }, false)],
    ['null', same({ command: 'None' }, false), same({ input: null }, false)],
    ['', same({ command: '' }, false), same({ input: '' }, false)],
    [
      '{"command":"ls"} trailing',
      same({ command: '{"command":"ls"} trailing' }, false),
      same({ input: '{"command":"ls"} trailing' }, false),
    ],
    [
      '{"command":"ls"',
      same({ command: '{"command":"ls"' }, false),
      same({ input: '{"command":"ls"' }, false),
    ],
    [
      '{"command":"a\nb"}',
      same({ command: '{"command":"a\nb"}' }, false),
      same({ input: '{"command":"a\nb"}' }, false),
    ],
    [
      '\ufeff{"a":1}',
      same({ command: '\ufeff{"a":1}' }, false),
      same({ input: '\ufeff{"a":1}' }, false),
    ],
  ];
  it.each(table)('%j', (text, ofTerminal, ofOther) => {
    expect(run(text, terminal)).toEqual(ofTerminal);
    expect(run(text, other)).toEqual(ofOther);
  });

  // Each checked against Python 3.11: `str(json.loads(text))`.
  const spellings: readonly (readonly [string, string])[] = [
    ['5', '5'],
    ['-0', '0'],
    ['12345678901234567890', '12345678901234567890'],
    ['1.0', '1.0'],
    ['-0.0', '-0.0'],
    ['1e5', '100000.0'],
    ['1e16', '1e+16'],
    ['123456789012345680.0', '1.2345678901234568e+17'],
    ['9999999999999998.0', '9999999999999998.0'],
    ['0.0001', '0.0001'],
    ['0.00012345', '0.00012345'],
    ['0.00001', '1e-05'],
    ['1.5e-7', '1.5e-07'],
    ['1e400', 'inf'],
    ['NaN', 'nan'],
    ['[-Infinity, null, false]', '[-inf, None, False]'],
    ['[]', '[]'],
    ['[{"b": 1, "1": {}, "b": 2}]', "[{'b': 2, '1': {}}]"],
    ['["it\'s", "a \\"b\\"", "it\'s \\"b\\""]', `["it's", 'a "b"', 'it\\'s "b"']`],
    [
      '["\\\\ \\n\\t\\r\\u0000\\u007f\\u00a0\\u00e9\\u200b\\u2028 \\ud83d\\ude00\\ud800"]',
      `['\\\\ \\n\\t\\r\\x00\\x7f\\xa0é\\u200b\\u2028 😀\\ud800']`,
    ],
  ];
  it.each(spellings)('spells %s as Python does', (text, spelled) => {
    expect(run(text, terminal)).toEqual([{ command: spelled }, false]);
  });

  it('refuses where the seed crashed', () => {
    expect(run('['.repeat(100_000), other)).toBe('refused');
    expect(run('9'.repeat(5_000), other)).toBe('refused');
  });
});
