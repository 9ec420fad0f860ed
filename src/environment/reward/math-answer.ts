import { lastNumber } from './final-number.ts';
import { type MathNumber, plainMath, wholeNumberOf } from './math-text.ts';

export interface MathAnswerOptions {
  /** How far apart numbers may be, relative to the expected one. Default: 1e-6. */
  readonly tolerance?: number;
}

/**
 * The part of a text that states its answer: what stands in the last `\boxed{}`, or behind the last
 * `####`, or undefined when the text marks none.
 */
export function markedAnswer(text: string): string | undefined {
  const boxed = lastBoxed(text);
  if (boxed !== undefined) return boxed;
  const mark = text.lastIndexOf('####');
  if (mark < 0) return undefined;
  return (
    text
      .slice(mark + 4)
      .trim()
      .split('\n')[0] ?? ''
  ).trim();
}

/**
 * Whether a text's answer is the expected one. The answer is the marked one, else the text as a
 * whole, else its last number. Numbers are compared as numbers: fractions (`3/4`, `\frac{3}{4}`,
 * `1 3/4`), thousands separators, currencies and units do not matter, and where one of the two is a
 * percentage, `45%` is as good as 45 and as 0.45. What is no number is compared as text, without
 * blanks and LaTeX's decorations. Units are not converted or compared: `3 km` equals `3 m`.
 */
export function mathEqual(
  text: string,
  expected: string | number,
  options: MathAnswerOptions = {},
): boolean {
  const { tolerance = 1e-6 } = options;
  const wantedText = typeof expected === 'number' ? String(expected) : answerPart(expected);
  const wanted = wholeNumberOf(wantedText);
  const marked = markedAnswer(text);
  const given = marked ?? text;
  const wantedPlain = plainMath(wantedText);
  if (wantedPlain !== '' && plainMath(given) === wantedPlain) return true;
  if (wanted === undefined) return false;
  const number = wholeNumberOf(given) ?? (marked === undefined ? lastNumberOf(text) : undefined);
  return number !== undefined && sameNumber(number, wanted, tolerance);
}

function answerPart(expected: string): string {
  return markedAnswer(expected) ?? expected;
}

function lastNumberOf(text: string): MathNumber | undefined {
  // A whole answer at the end of a sentence keeps its meaning: `It is \frac{3}{4}.`
  const found = lastNumber(plainFractions(text));
  if (found === undefined) return undefined;
  return { value: found.value, isPercent: /^\s?(?:\\?%|percent\b)/.test(found.rest) };
}

function plainFractions(text: string): string {
  return text.replace(/\\[dt]?frac\{(\d+)\}\{(\d+)\}/g, '$1/$2').replaceAll('\\$', '$');
}

function sameNumber(a: MathNumber, b: MathNumber, tolerance: number): boolean {
  const near = (x: number, y: number): boolean => Math.abs(x - y) <= Math.abs(y) * tolerance;
  if (near(a.value, b.value)) return true;
  if (a.isPercent === b.isPercent) return false;
  return a.isPercent ? near(a.value / 100, b.value) : near(a.value, b.value / 100);
}

/** The content of the last `\boxed{...}` whose braces close, found in one pass. */
function lastBoxed(text: string): string | undefined {
  const open: { readonly from: number; readonly isBoxed: boolean }[] = [];
  let last: { readonly from: number; readonly end: number } | undefined;
  for (const { index: at, 0: brace } of text.matchAll(/[{}]/g)) {
    if (brace === '{') {
      open.push({ from: at + 1, isBoxed: text.startsWith('\\boxed', at - 6) && at >= 6 });
      continue;
    }
    const closed = open.pop();
    if (closed?.isBoxed === true && closed.from > (last?.from ?? -1)) {
      last = { from: closed.from, end: at };
    }
  }
  return last === undefined ? undefined : text.slice(last.from, last.end);
}
