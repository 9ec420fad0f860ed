import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BUILT_IN_PARSERS, MAX_DIAGNOSTICS, type ParseOptions } from '../../src/parsers/index.ts';
import { streamed } from './support/laws.ts';
import { itWritesNoOtherCall } from './support/odd-calls.ts';

const SAMPLE = [
  { name: 'f', argumentsText: '{"a": "x", "b": 1}' },
  { name: 'my.tool', argumentsText: '{}' },
];
/** Of values that are spelled without quotes, text and a number look alike: here all of them are text. */
const TEXT_TOOLS = SAMPLE.map(({ name }) => ({
  name,
  description: '',
  parameters: { additionalProperties: { type: 'string' } },
}));
const finish = fc.constantFrom('stop', 'length');

// What holds of grammars that nobody here has heard of, too: their shards are cut from what they write.
describe.each([...new Set(Object.values(BUILT_IN_PARSERS))])('$name', (parser) => {
  const read = (text: string, finishReason = 'stop', tools: ParseOptions['tools'] = []) =>
    parser.parse(text, { tools, finishReason });
  const whole = parser.renderCalls(SAMPLE);
  const one = parser.renderCalls(SAMPLE.slice(0, 1));
  const markers = one.split(/(?<=[>\]}\n])|(?=[<[{"])/).filter((marker) => marker !== '');
  const shard = fc.constantFrom(
    ...[whole, one, one.slice(0, one.length >> 1), one.slice(one.length >> 1), ...markers],
    ...['<think>', '</think>', 'Hi. ', '\n', '{', '}', '"', '[', ']', '<', '{"a": 1}', ';'],
  );
  const text = fc.array(shard, { maxLength: 16 }).map((parts) => parts.join(''));

  it('reads back what it writes', () => {
    expect(read(whole).calls).toMatchObject(SAMPLE);
    expect(read(whole)).toMatchObject({ content: '', diagnostics: [] });
    expect(parser.renderCalls(read(whole).calls)).toBe(whole);
    expect(parser.renderCalls([])).toBe('');
  });

  it('reads back what it writes of what it read', () => {
    fc.assert(
      fc.property(text, finish, (some, finishReason) => {
        const { calls } = read(some, finishReason, TEXT_TOOLS);
        if (calls.length === 0) return;
        expect(
          read(parser.renderCalls(calls, { tools: TEXT_TOOLS }), 'stop', TEXT_TOOLS).calls,
        ).toEqual(calls);
      }),
    );
  });

  itWritesNoOtherCall(parser, markers);

  it('makes only whole calls of a text that is cut off', () => {
    for (const finishReason of ['stop', 'length']) {
      for (let cut = 0; cut < whole.length; cut += 1) {
        const { calls } = read(whole.slice(0, cut), finishReason);
        expect(calls).toMatchObject(SAMPLE.slice(0, calls.length));
      }
    }
    expect(read(one.slice(0, one.length >> 1), 'length').calls).toEqual([]);
  });

  it('says of a stream what it says of the whole, and tells the rest as it comes', () => {
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 9 }), finish, (some, size, finishReason) => {
        const { told, completion } = streamed(parser, some, [size], finishReason);
        expect(completion).toEqual(read(some, finishReason));
        // A grammar that keeps reasoning apart tells the answer alone.
        const said = completion.reasoning === undefined ? some : completion.content;
        expect(said.startsWith(told)).toBe(true);
        if (completion.calls.length === 0) expect(told).toBe(said);
        expect(completion.content.trim().startsWith(told.trim())).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('gets through hostile text', { timeout: 60_000 }, () => {
    const pieces = [1, 2, 3].map((quarter) => one.slice(0, (one.length * quarter) >> 2));
    for (const unit of [...markers, ...pieces, one.slice(0, -1), '{', '[', '"', '\\', ' ']) {
      const body = unit.repeat(Math.ceil(300_000 / unit.length));
      for (const head of ['', one.slice(0, one.length >> 1)]) {
        expect(read(head + body).diagnostics.length).toBeLessThanOrEqual(MAX_DIAGNOSTICS);
      }
    }
  });
});
