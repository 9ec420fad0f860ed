import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { blockParser, hermesParser } from '../../src/parsers/index.ts';
import { streamed } from './support/laws.ts';

const CALL = '<tool_call>\n{"name": "f", "arguments": {"a": 1}}\n</tool_call>';
const text = fc
  .array(
    fc.constantFrom(
      ...['Hi. ', '<tool', '_call>', '<tool_call>', '</tool_call>', '<think>', '</think>', CALL],
      ...['x', '<', '\n', '{"name": }', '{"name": "f", "arguments": {}}'],
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(''));

it('tells what is certainly no call as it comes, and ends as a parse of the whole', () => {
  fc.assert(
    fc.property(
      text,
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
      fc.constantFrom('stop', 'length'),
      (whole, sizes, finishReason) => {
        const { told, completion } = streamed(hermesParser, whole, sizes, finishReason);
        expect(completion).toEqual(hermesParser.parse(whole, { tools: [], finishReason }));
        expect(whole.startsWith(told)).toBe(true);
        if (completion.calls.length === 0) expect(told).toBe(whole);
        expect(completion.content.trim().startsWith(told.trim())).toBe(true);
      },
    ),
  );
});

describe('text that is no call', () => {
  it('is told at once', () => {
    const stream = hermesParser.stream({ tools: [] });
    expect(stream.push('Hello < there')).toBe('Hello < there');
    expect(stream.push(' <tool')).toBe(' ');
    expect(stream.push('box>')).toBe('<toolbox>');
    expect(stream.end('stop').rest).toBe('');
  });

  it('is told as soon as it looks like one no longer', () => {
    const stream = hermesParser.stream({ tools: [] });
    expect(stream.push('the <tool_call>')).toBe('the ');
    // Read again when it has doubled.
    expect(stream.push(' tag')).toBe('');
    expect(stream.push(', as I said, is one.')).toBe('<tool_call> tag, as I said, is one.');
    expect(stream.push(`${CALL} after`)).toBe('');
    const { rest, completion } = stream.end('stop');
    expect(rest).toBe('');
    expect(completion.calls).toHaveLength(1);
  });

  it('is told while it is thought, calls and all', () => {
    const stream = hermesParser.stream({ tools: [] });
    expect(stream.push(`<think>I could ${CALL}`)).toBe(`<think>I could ${CALL}`);
    expect(stream.push('.</th')).toBe('.');
    expect(stream.push(`ink>Now: ${CALL}`)).toBe('</think>Now: ');
    expect(stream.end('stop').completion.calls).toHaveLength(1);
  });

  it('is told at the end where a think block that the prompt opened shows that it was thought', () => {
    const stream = hermesParser.stream({ tools: [] });
    expect(stream.push(`hm ${CALL}`)).toBe('hm ');
    expect(stream.push('</think>yes')).toBe('');
    expect(stream.end('stop').rest).toBe(`${CALL}</think>yes`);
  });
});

it('lets leading openers begin a block at the beginning and after thinking only', () => {
  const parser = blockParser({
    name: 'leading',
    openers: [],
    leadingOpeners: ['call!'],
    read: ({ text }, start) => ({
      end: start + 'call!'.length,
      calls: text === '' ? [] : [{ name: 'f', argumentsText: '{}' }],
    }),
    renderCalls: (calls) => calls.map(() => 'call!').join(''),
  });
  const count = (whole: string) =>
    [1, 2, 50].map((size) => streamed(parser, whole, [size]).completion.calls.length);
  expect(count(' \ncall!')).toEqual([1, 1, 1]);
  expect(count('I call!')).toEqual([0, 0, 0]);
  expect(count('call!call!')).toEqual([1, 1, 1]);
  expect(count('so I call!</think> call!')).toEqual([1, 1, 1]);
  expect(count('<think>call!</think>call!')).toEqual([1, 1, 1]);
  const stream = parser.stream({ tools: [] });
  expect(stream.push(' ')).toBe(' ');
  expect(stream.push('ca')).toBe('');
  expect(stream.push('t call!')).toBe('cat call!');
});
