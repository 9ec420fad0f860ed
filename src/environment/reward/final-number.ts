/** Sign, currency, sign, digits with or without thousands separators, fraction, exponent, divisor; or `.5`. */
const NUMBER =
  /(?<![\w.])(?:([-+\u2212]?)(?:[$€£¥]\s?)?([-+\u2212]?)(\d{1,3}(?:[,\u00a0\u202f]\d{3})+(?!\d)|\d+)(\.\d+)?(?:[eE]([-+]?\d{1,3})(?!\w))?(?:\s?\/\s?(\d+)(?!\d|\.\d))?|([-+\u2212]?)(\.\d+))/g;

/**
 * The last number in a text, or undefined: `The total is $1,234.50.` gives 1234.5. Thousands
 * separators, currency signs, units and percent signs around it are ignored (a percent stays as
 * written: `45%` is 45), and so is the full stop of the sentence; `3/4` is 0.75.
 */
export function finalNumber(text: string): number | undefined {
  return lastNumber(text)?.value;
}

/** As {@link finalNumber}, with what follows it. */
export function lastNumber(
  text: string,
): { readonly value: number; readonly rest: string } | undefined {
  let last: { readonly value: number; readonly end: number } | undefined;
  for (const match of text.matchAll(NUMBER)) {
    const value = matchedValue(match);
    if (Number.isFinite(value)) last = { value, end: match.index + match[0].length };
  }
  return last === undefined ? undefined : { value: last.value, rest: text.slice(last.end) };
}

function matchedValue(match: RegExpExecArray): number {
  const [, before = '', after = '', whole, fraction = '', exponent, divisor, dotSign, dotOnly] =
    match;
  if (dotOnly !== undefined) return isMinus(dotSign) ? -Number(dotOnly) : Number(dotOnly);
  const digits = (whole as string).replace(/[^\d]/g, '');
  const scale = exponent === undefined ? '' : `e${exponent}`;
  const size = Number(`${digits}${fraction}${scale}`);
  const value = divisor === undefined ? size : size / Number(divisor);
  return isMinus(before) !== isMinus(after) ? -value : value;
}

function isMinus(sign: string | undefined): boolean {
  return sign === '-' || sign === '\u2212';
}
