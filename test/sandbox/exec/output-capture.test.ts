import fc from 'fast-check';
import { expect, test } from 'vitest';
import { OutputCapture, outputBytes, outputText } from '../../../src/sandbox/index.ts';

const pieces = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 30 });

test('the first 40 % and the last 60 % are kept, and all that is left out is counted', () => {
  fc.assert(
    fc.property(pieces, fc.nat({ max: 120 }), (chunks, maxBytes) => {
      const capture = new OutputCapture(maxBytes);
      for (const chunk of chunks) capture.push(chunk);
      const all = Buffer.concat(chunks);
      const { head, tail, omittedBytes, totalBytes } = capture.captured();
      const headLength = Math.min(all.length, Math.floor(maxBytes * 0.4));
      const tailLength = Math.min(all.length - headLength, maxBytes - Math.floor(maxBytes * 0.4));
      expect(Buffer.from(head).equals(all.subarray(0, headLength))).toBe(true);
      expect(Buffer.from(tail).equals(all.subarray(all.length - tailLength))).toBe(true);
      expect(totalBytes).toBe(all.length);
      expect(omittedBytes).toBe(all.length - headLength - tailLength);
    }),
    { numRuns: 500 },
  );
});

test('a captured output is a copy that later output does not change', () => {
  const capture = new OutputCapture(10);
  capture.push(Buffer.from('abcdefghij'));
  const first = capture.captured();
  capture.push(Buffer.from('XYZ'));
  expect(Buffer.from(outputBytes(first)).toString()).toBe('abcdefghij');
  expect(Buffer.from(outputBytes(capture.captured())).toString()).toBe('abcdhijXYZ');
});

test('where it is cut no half of a character is left, and the line between tells the bytes', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('a', 'é', '€', '🙂'), minLength: 60, maxLength: 80 }),
      fc.integer({ min: 4, max: 50 }),
      (text, maxBytes) => {
        const capture = new OutputCapture(maxBytes);
        const bytes = Buffer.from(text);
        capture.push(bytes);
        const shown = outputText(capture.captured());
        expect(shown).not.toContain('\ufffd');
        const [, head = '', omitted, tail = ''] =
          /^(.*)\n\[\.\.\. (\d+) bytes of output left out \.\.\.\]\n(.*)$/su.exec(shown) ?? [];
        expect(text.startsWith(head)).toBe(true);
        expect(text.endsWith(tail)).toBe(true);
        expect(Number(omitted)).toBe(
          bytes.length - Buffer.byteLength(head) - Buffer.byteLength(tail),
        );
      },
    ),
  );
});
