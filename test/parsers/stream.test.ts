import fc from 'fast-check';
import { expect, it } from 'vitest';
import { hermesParser } from '../../src/parsers/index.ts';

const CALL = '<tool_call>\n{"name": "f", "arguments": {"a": 1}}\n</tool_call>';
const text = fc
  .array(fc.constantFrom('Hi. ', '<tool', '_call>', '<think>', '</think>', CALL, 'x', '<', '\n'), {
    maxLength: 12,
  })
  .map((parts) => parts.join(''));

it('tells what is certainly no call as it comes, and ends as a parse of the whole', () => {
  fc.assert(
    fc.property(
      text,
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
      (whole, sizes) => {
        const stream = hermesParser.stream({ tools: [] });
        let told = '';
        for (let at = 0, i = 0; at < whole.length; i++) {
          const size = sizes[i % sizes.length]!;
          told += stream.push(whole.slice(at, at + size));
          at += size;
        }
        expect(whole.startsWith(told)).toBe(true);
        expect(told).not.toContain('<tool_call>');
        const { rest, completion } = stream.end('stop');
        expect(completion).toEqual(hermesParser.parse(whole, { tools: [], finishReason: 'stop' }));
        if (completion.calls.length === 0) expect(told + rest).toBe(whole);
      },
    ),
  );
});

it('tells a text without a call at once', () => {
  const stream = hermesParser.stream({ tools: [] });
  expect(stream.push('Hello < there')).toBe('Hello < there');
  expect(stream.push(' <tool')).toBe(' ');
  expect(stream.push('box>')).toBe('<toolbox>');
  expect(stream.end('stop').rest).toBe('');
});
