import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonObject, JsonValue, ToolDefinition } from '../../../src/messages.ts';
import { MAX_DIAGNOSTICS, type ToolCallParser } from '../../../src/parsers/index.ts';
import type { Case } from './laws.ts';

/** A tool whose parameters are of these types; a type `any` says nothing. */
export function toolOf(name: string, types: Record<string, string>): ToolDefinition {
  const properties = Object.fromEntries(
    Object.entries(types).map(([key, type]) => [key, type === 'any' ? {} : { type }]),
  );
  return { name, description: '', parameters: { type: 'object', properties } };
}

/** Runs a table of cases, with the tools that were offered. */
export function itReadsTyped(
  parser: ToolCallParser,
  tools: readonly ToolDefinition[],
  table: readonly Case[],
): void {
  for (const [name, text, calls, content, kinds = [], finishReason = 'stop'] of table) {
    it(`reads ${name}`, () => {
      const parsed = parser.parse(text, { tools, finishReason });
      expect({ ...parsed, diagnostics: parsed.diagnostics.map(({ kind }) => kind) }).toEqual({
        calls,
        content,
        diagnostics: kinds,
      });
    });
  }
}

export interface TypedLaws {
  readonly tools: readonly ToolDefinition[];
  /** Texts of calls and nothing else, as the family's models write them: rendered to the byte. */
  readonly canonical: readonly string[];
  /** Pieces of its texts, near misses among them. */
  readonly shards: readonly string[];
  /** Undefined: its models do not think. */
  readonly think: readonly [open: string, close: string] | undefined;
  /** Names of parameters that the grammar can say. Default: any text. */
  readonly key?: fc.Arbitrary<string>;
  /** What a string may not hold, since the grammar has no way to say it. */
  readonly unsayable?: RegExp;
  /** Whether values come back in their own text. Default: true; else they mean the same. */
  readonly isVerbatim?: boolean;
}

function schemaOf(value: unknown): JsonObject {
  if (value === null) return { type: 'null' };
  if (Array.isArray(value)) return { type: 'array' };
  return { type: typeof value };
}

/** What holds of every grammar that spells values without JSON, whatever the text. */
export function describeTypedLaws(parser: ToolCallParser, laws: TypedLaws): void {
  const { tools, canonical, shards, think, isVerbatim = true } = laws;
  const read = (text: string, finishReason = 'stop', known = tools) =>
    parser.parse(text, { tools: known, finishReason });
  const text = fc
    .array(fc.constantFrom(...shards, ...(think ?? []), ...canonical, '\n', 'x', ' ', '1', '"'), {
      maxLength: 24,
    })
    .map((parts) => parts.join(''));
  const finish = fc.constantFrom('stop', 'length');

  describe('the laws', () => {
    it.each(canonical)('renders to the byte: %j', (whole) => {
      const { calls, content, diagnostics } = read(whole);
      expect(calls.length).toBeGreaterThan(0);
      expect(parser.renderCalls(calls, { tools })).toBe(whole);
      expect(content).toBe('');
      expect(diagnostics).toEqual([]);
    });

    it('reads back any arguments', () => {
      const string = fc
        .oneof(
          fc.string({ unit: 'binary' }),
          fc.constantFrom('true', '0123', 'null', '"q"', ' x\n'),
        )
        .filter((value) => !(laws.unsayable?.test(value) ?? false));
      const key = laws.key ?? fc.string({ unit: 'binary' });
      const value = fc.oneof(
        string,
        fc
          .jsonValue({ maxDepth: 3 })
          .filter((each) => !(laws.unsayable?.test(JSON.stringify(each)) ?? false)),
      );
      const members = fc.uniqueArray(fc.tuple(key, value), {
        selector: ([name]) => name,
        maxLength: 4,
      });
      fc.assert(
        fc.property(fc.array(members, { minLength: 1, maxLength: 3 }), (all) => {
          const calls = all.map((entries, index) => ({
            name: `tool_${index}`,
            argumentsText: `{${entries
              .map(([name, each]) => `${JSON.stringify(name)}: ${JSON.stringify(each)}`)
              .join(', ')}}`,
          }));
          const known = all.map((entries, index) => ({
            name: `tool_${index}`,
            description: '',
            parameters: {
              properties: Object.fromEntries(
                entries.map(([name, each]) => [name, schemaOf(each)]),
              ) as { readonly [name: string]: JsonValue },
            },
          }));
          const parsed = read(parser.renderCalls(calls, { tools: known }), 'stop', known);
          expect(parsed.diagnostics).toEqual([]);
          expect(parsed.content).toBe('');
          if (isVerbatim) expect(parsed.calls).toEqual(calls);
          const meant = (list: readonly { name: string; argumentsText: string }[]) =>
            list.map(({ name, argumentsText }) => [name, JSON.parse(argumentsText)]);
          expect(meant(parsed.calls)).toEqual(meant(calls));
        }),
        { numRuns: 300 },
      );
    });

    it('reads back what it writes without a schema, or shows it', () => {
      const value = fc.oneof(
        fc.jsonValue({ maxDepth: 2 }),
        fc.constantFrom(null, true, false, 'null', 'true', '1', '-0', 'None', '{"a": 1}', ''),
      );
      const untyped = [
        { name: 'f', description: '', parameters: { properties: { b: { type: 'string' } } } },
      ];
      fc.assert(
        fc.property(value, value, (a, b) => {
          const call = { name: 'f', argumentsText: JSON.stringify({ a, b }) };
          for (const options of [{}, { tools: untyped }]) {
            const text = parser.renderCalls([call], options);
            const { calls } = read(text, 'stop', options.tools ?? []);
            if (text.includes('not a call: ')) expect(calls).toEqual([]);
            else expect(calls.map((one) => JSON.parse(one.argumentsText))).toEqual([{ a, b }]);
          }
        }),
        { numRuns: 200 },
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
            if (finishReason === 'length') expect(some.length).toBeLessThan(calls.length);
          }
        }
      }
    });

    if (think !== undefined) {
      it('runs nothing that stands in a think block', () => {
        const [open, close] = think;
        for (const whole of canonical) {
          const count = read(whole).calls.length;
          for (const thought of [
            `${open}${whole}${close}done`,
            `${open}so ${whole}`,
            `${whole}${close}no`,
          ]) {
            expect(read(thought)).toMatchObject({ calls: [], content: thought });
          }
          expect(read(`${open}${whole}${close}\n${whole}`).calls).toHaveLength(count);
        }
      });
    }

    it('says of a stream what it says of the whole, and tells the rest as it comes', () => {
      fc.assert(
        fc.property(
          text,
          fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 8 }),
          finish,
          (whole, sizes, finishReason) => {
            const { told, completion } = streamedTyped(parser, tools, whole, sizes, finishReason);
            expect(completion).toEqual(read(whole, finishReason));
            for (const { argumentsText } of completion.calls) JSON.parse(argumentsText);
            expect(whole.startsWith(told)).toBe(true);
            if (completion.calls.length === 0) expect(told).toBe(whole);
            expect(completion.content.trim().startsWith(told.trim())).toBe(true);
          },
        ),
        { numRuns: 500 },
      );
    });

    it('gets through hostile megabytes', { timeout: 60_000 }, () => {
      const whole = canonical[0]!;
      const units = [
        ...shards,
        ...(think ?? []),
        ...[' ', '\n', '"', '\\'],
        ...[1, 2, 3].map((quarter) => whole.slice(0, (whole.length * quarter) >> 2)),
        `${whole.slice(0, -1)}x`,
      ];
      for (const unit of units) {
        const body = unit.repeat(Math.ceil(1_000_000 / unit.length));
        for (const head of ['', shards[0]!, whole.slice(0, whole.length >> 1)]) {
          const { diagnostics } = read(head + body);
          expect(diagnostics.length).toBeLessThanOrEqual(MAX_DIAGNOSTICS);
        }
        const some = body.slice(0, 100_000);
        streamedTyped(parser, tools, some, [7]);
      }
    });
  });
}

/** What a stream tells of a text that comes in pieces of such sizes, and what it says at the end. */
export function streamedTyped(
  parser: ToolCallParser,
  tools: readonly ToolDefinition[],
  whole: string,
  sizes: readonly number[],
  finishReason = 'stop',
) {
  const stream = parser.stream({ tools });
  let told = '';
  for (let at = 0, i = 0; at < whole.length; i++) {
    const size = sizes[i % sizes.length]!;
    told += stream.push(whole.slice(at, at + size));
    at += size;
  }
  const { rest, completion } = stream.end(finishReason);
  return { told: told + rest, completion };
}

export const THINK = ['<think>', '</think>'] as const;
