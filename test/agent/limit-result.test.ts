import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { limitResult } from '../../src/agent/limit-result.ts';

const lengthOf = (text: string): number => [...text].length;

describe('a limited result', () => {
  it('is never longer than its limit, and itself when it is no longer', () => {
    const unit = fc.constantFrom('a', '\n', '"', '\u0000', '\u{1f600}');
    const text = fc.string({ unit, maxLength: 300 });
    const result = fc.oneof(
      text,
      text.map((error) => JSON.stringify({ error })),
      text.map((error) => JSON.stringify({ exit_code: -1, error, more: 'x' })),
    );
    fc.assert(
      fc.property(result, fc.integer({ min: 1, max: 400 }), (given, max) => {
        const told = limitResult(given, max);
        expect(lengthOf(told)).toBeLessThanOrEqual(max);
        if (lengthOf(given) <= max) expect(told).toBe(given);
      }),
    );
  });

  it('counts code points, says how many are missing, and uses its room', () => {
    const told = limitResult('\u{1f600}'.repeat(400), 90);
    const note = '\n[... 360 characters of this result left out ...]\n';
    expect(told).toBe('\u{1f600}'.repeat(27) + note + '\u{1f600}'.repeat(13));
    expect(lengthOf(told)).toBe(90);
  });

  it.each([1, 20, 48])('is cut without a note where there is no room for one: %i', (max) => {
    expect(limitResult('x'.repeat(500), max)).toBe('x'.repeat(max));
  });

  it.each<[string, object, (error: string) => string]>([
    ['alone', {}, (error) => JSON.stringify({ error })],
    ['beside others', { exit_code: -1 }, (error) => `{"exit_code": -1, "error": "${error}" }`],
  ])('that is an error as JSON stays JSON: %s', (_, others, make) => {
    for (const max of [40, 60, 100, 200]) {
      const told = limitResult(make('x'.repeat(500)), max);
      const { error, ...rest } = JSON.parse(told) as { error: string };
      expect(rest).toEqual(others);
      expect(error).toMatch(/^x/);
      expect(told).toHaveLength(max);
    }
  });

  it('of other JSON, or of none, is cut as text', () => {
    for (const given of [
      `["${'x'.repeat(500)}"]`,
      `{"error":["${'x'.repeat(500)}"]}`,
      '{"error":',
    ]) {
      expect(limitResult(given.padEnd(500), 100)).toContain('characters of this result left out');
    }
  });
});
