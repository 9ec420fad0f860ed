import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TextMarks, textOfRuns } from '../../../src/models/rendering/marked-text.ts';

const owner = { origin: 'prompt', messageIndex: 3 } as const;
const keeps = { lead: true, trail: true };
const odd = [
  'a',
  ' ',
  '\n',
  '<|end|>',
  '<|',
  '"',
  '\\',
  '\u{100000}',
  '\u{10f000}',
  '\u{10f001}',
  '\u{10f002}',
  '\u{10f003}',
  '\u{10f004}',
  '\u{10ffff}',
  '\ud800',
  '\ufeff',
];
const text = fc.array(fc.constantFrom(...odd), { maxLength: 12 }).map((parts) => parts.join(''));

test('what goes in comes out, its own and only that', () => {
  fc.assert(
    fc.property(text, text, (first, second) => {
      const marks = new TextMarks(/<\|end\|>/);
      const rendered = `<|end|>${marks.mark(first, owner, keeps)}<|end|>${marks.guard(second)}`;
      const runs = marks.read(rendered);
      const whole = `<|end|>${first.toWellFormed()}<|end|>${second.toWellFormed()}`;
      expect(textOfRuns(runs)).toBe(whole);
      const own = runs.filter((run) => run.owner === owner);
      if (first.trim() !== '') expect(textOfRuns(own)).toBe(first.toWellFormed());
      // Only the template's own two are whole in a run of the template's.
      const found = runs.flatMap((run) =>
        run.owner === undefined ? [...run.text.matchAll(/<\|end\|>/g)] : [],
      );
      expect(found).toHaveLength(2);
    }),
    { seed: 20_261_124, numRuns: 500 },
  );
});

test('a text is read in one go, however long its white space and whatever it holds', () => {
  const marks = new TextMarks(/<\|end\|>/);
  for (const part of [' ', '\n', '<|', '<|end|>', '\u{10f002}', '\u{10f000}', '"', '\ufeff']) {
    const long = `a${part.repeat(400_000)}b`;
    expect(textOfRuns(marks.read(marks.mark(long, owner))) === long).toBe(true);
  }
});
