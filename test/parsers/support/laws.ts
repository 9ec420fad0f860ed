import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_DIAGNOSTICS, type ToolCallParser } from '../../../src/parsers/index.ts';

/** What a stream tells of a text that comes in pieces of such sizes, and what it says at the end. */
export function streamed(
  parser: ToolCallParser,
  whole: string,
  sizes: readonly number[],
  finishReason = 'stop',
) {
  const stream = parser.stream({ tools: [] });
  let told = '';
  for (let at = 0, i = 0; at < whole.length; i++) {
    const size = sizes[i % sizes.length]!;
    told += stream.push(whole.slice(at, at + size));
    at += size;
  }
  const { rest, completion } = stream.end(finishReason);
  return { told: told + rest, completion };
}

/** A table row: its name, the text, the calls, the content, and the kinds of diagnostics. */
export type Case = readonly [
  name: string,
  text: string,
  calls: readonly object[],
  content: string,
  diagnostics?: readonly string[],
  finishReason?: string,
];

export function itReads(parser: ToolCallParser, table: readonly Case[]): void {
  for (const [name, text, calls, content, kinds = [], finishReason = 'stop'] of table) {
    it(`reads ${name}`, () => {
      const parsed = parser.parse(text, { tools: [], finishReason });
      expect({ ...parsed, diagnostics: parsed.diagnostics.map(({ kind }) => kind) }).toEqual({
        calls,
        content,
        diagnostics: kinds,
      });
    });
  }
}

export interface Laws {
  /** Texts of calls and nothing else, as the family's models write them: rendered to the byte. */
  readonly canonical: readonly string[];
  /** Pieces of its texts, near misses among them. */
  readonly shards: readonly string[];
  readonly think?: readonly [open: string, close: string];
}

const JSON_SHARDS = [
  ...['{', '}', '[', ']', '"', ':', ', ', '; ', '\n', '\\', '1', 'x ', '{}', '{"a": 1}', '```'],
  ...['{"name": "f", "arguments": {"a": [1, {}]}}', '{"name": "g", "parameters": {}}', '{"a": }'],
];

/** What holds of every grammar, whatever the text. */
export function describeLaws(parser: ToolCallParser, laws: Laws): void {
  const { canonical, shards, think = ['<think>', '</think>'] } = laws;
  const read = (text: string, finishReason = 'stop') =>
    parser.parse(text, { tools: [], finishReason });
  const text = fc
    .array(fc.constantFrom(...shards, ...think, ...canonical, ...JSON_SHARDS), { maxLength: 24 })
    .map((parts) => parts.join(''));
  const finish = fc.constantFrom('stop', 'length');

  describe('the laws', () => {
    it.each(canonical)('renders to the byte: %j', (whole) => {
      const { calls, content, diagnostics } = read(whole);
      expect(parser.renderCalls(calls)).toBe(whole);
      expect(content).toBe('');
      expect(diagnostics).toEqual([]);
    });

    it('reads back what it renders of what it read, arguments to the character', () => {
      fc.assert(
        fc.property(text, finish, (whole, finishReason) => {
          const { calls } = read(whole, finishReason);
          for (const { argumentsText } of calls) {
            if (/^[{[]/.test(argumentsText) && argumentsText !== '{}')
              expect(whole).toContain(argumentsText);
          }
          if (calls.length === 0) return;
          expect(read(parser.renderCalls(calls))).toEqual({ calls, content: '', diagnostics: [] });
        }),
        { numRuns: 300 },
      );
    });

    it('reads back any arguments', () => {
      const argumentsText = fc.oneof(
        fc.string(),
        fc.dictionary(fc.string(), fc.jsonValue()).map((value) => JSON.stringify(value, null, 1)),
        fc.constantFrom(
          '"x"',
          'é\u2028\ud800',
          '\0',
          '1',
          '-',
          ' {}',
          '[1, 2]',
          'null',
          ...shards,
          ...think,
        ),
      );
      fc.assert(
        fc.property(fc.array(argumentsText, { minLength: 1, maxLength: 3 }), (all) => {
          const calls = all.map((each, index) => ({ name: `tool_${index}`, argumentsText: each }));
          const parsed = read(parser.renderCalls(calls));
          expect(parsed.calls).toMatchObject(calls);
          expect(parsed.diagnostics).toEqual([]);
        }),
        { numRuns: 50 },
      );
    });

    it('makes no call of a text that is cut off inside it', () => {
      for (const whole of canonical) {
        const { calls } = read(whole);
        for (let cut = 0; cut < whole.length; cut += 1) {
          const head = whole.slice(0, cut);
          for (const finishReason of ['stop', 'length']) {
            const some = read(head, finishReason).calls;
            expect(some).toEqual(calls.slice(0, some.length));
          }
        }
        expect(read(whole.slice(0, whole.length >> 1), 'length').calls.length).toBeLessThan(
          calls.length,
        );
      }
    });

    it('runs nothing that stands in a think block', () => {
      const [open, close] = think;
      for (const whole of canonical) {
        const count = read(whole).calls.length;
        for (const thought of [
          `${open}${whole}${close}done`,
          `${open}so ${whole}`,
          `${whole}${close}no`,
          `hm ${whole}${close}done`,
        ]) {
          expect(read(thought)).toMatchObject({ calls: [], content: thought });
        }
        expect(read(`${open}${whole}${close}\n${whole}`).calls).toHaveLength(count);
      }
    });

    it('says of a stream what it says of the whole, and tells the rest as it comes', () => {
      fc.assert(
        fc.property(
          text,
          fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 8 }),
          finish,
          (whole, sizes, finishReason) => {
            const { told, completion } = streamed(parser, whole, sizes, finishReason);
            expect(completion).toEqual(read(whole, finishReason));
            expect(whole.startsWith(told)).toBe(true);
            if (completion.calls.length === 0) expect(told).toBe(whole);
            expect(completion.content.trim().startsWith(told.trim())).toBe(true);
          },
        ),
        { numRuns: 300 },
      );
    });

    it('gets through hostile megabytes', { timeout: 60_000 }, () => {
      const whole = canonical[0]!;
      const units = [
        ...shards,
        ...think,
        ...['{', '[', '"', '\\', ' ', '{"', '{"a":', '{"name":"f",', '[[', '}'],
        ...[1, 2, 3].map((quarter) => whole.slice(0, (whole.length * quarter) >> 2)),
        `${whole.slice(0, -1)}x`,
      ];
      for (const unit of units) {
        const body = unit.repeat(Math.ceil(1_000_000 / unit.length));
        for (const head of ['', whole.slice(0, whole.length >> 1)]) {
          const { diagnostics } = read(head + body);
          expect(diagnostics.length).toBeLessThanOrEqual(MAX_DIAGNOSTICS);
        }
        const some = body.slice(0, 40_000);
        expect(streamed(parser, some, [7]).completion.content.length).toBeLessThanOrEqual(40_000);
      }
    });
  });
}
