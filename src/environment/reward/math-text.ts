/** A number as it was written: a percentage's value is the number before its sign. */
export interface MathNumber {
  readonly value: number;
  readonly isPercent: boolean;
}

/** Nothing longer is a short answer, and nothing is looked for in it. */
const MAX_ANSWER_LENGTH = 400;

/** Text of mathematics without what changes nothing: blanks, `$`, `\left`, `\text{}`, a full stop. */
export function plainMath(text: string): string {
  if (text.length > MAX_ANSWER_LENGTH) return text;
  return unwrapped(text)
    .replace(/\\(?:left|right|displaystyle)(?![a-zA-Z])|\\[,;:! ]/g, '')
    .replace(/\\[dt]frac/g, '\\frac')
    .replace(/(?<!\d)\s+|\s+(?!\d)/g, '')
    .replace(/\.$/, '');
}

const SIGN = '[-+\u2212]?';
const DIGITS = '(?:\\d{1,3}(?:,\\d{3})+(?!\\d)|\\d+)';
const UNSIGNED = `(?:${DIGITS}(?:\\.\\d+)?|\\.\\d+)(?:[eE][-+]?\\d{1,3})?`;
const CURRENCY = '[$€£¥]?\\s?';
/** Words of two letters and more, or one of the common units of one; with powers, and `per` another. */
const WORD = '(?:[a-zA-Zµμ]{2,}|[gmslhLKWVJN])(?:\\s?\\^\\{?-?[1-3]\\}?|[²³])?';
const UNIT = `(?:\\s*(?:°\\s?[CFK]?|${WORD})(?:[\\s/·]+${WORD})*)?`;
const NUMBER = new RegExp(
  `^(?:[a-zA-Z]\\s*=\\s*)?(${SIGN})\\s*${CURRENCY}(${SIGN})(?:(\\d+)\\s+)?(${UNSIGNED})(?:\\s*/\\s*(${UNSIGNED}))?\\s*(%|percent(?![a-z]))?${UNIT}\\.?$`,
);

/** The number that a text is as a whole, whatever its unit; undefined when it is none, as `5x` or `3 or 4`. */
export function wholeNumberOf(text: string): MathNumber | undefined {
  if (text.length > MAX_ANSWER_LENGTH) return undefined;
  const plain = unwrapped(text)
    .replace(/\\[dt]?frac\{([^{}]+)\}\{([^{}]+)\}/g, ' $1/$2')
    .replace(/\\[dt]?frac(\d)(\d)/g, ' $1/$2')
    .replace(/\^\{?\\circ\}?|\\degree(?![a-zA-Z])/g, '°')
    .replace(/\\[,;:! ]|\{,\}/g, (found) => (found === '{,}' ? ',' : ' '))
    .trim();
  const match = NUMBER.exec(plain);
  if (match === null) return undefined;
  const [, before = '', after = '', whole, top = '', bottom, percent] = match;
  const size = sizeOf(whole, numberIn(top), bottom === undefined ? undefined : numberIn(bottom));
  if (size === undefined || !Number.isFinite(size)) return undefined;
  const isNegative = isMinus(before) !== isMinus(after);
  return { value: isNegative ? -size : size, isPercent: percent !== undefined };
}

/** `1 3/4` is a mixed number; two numbers side by side are none. */
function sizeOf(whole: string | undefined, top: number, bottom: number | undefined) {
  if (whole === undefined) return bottom === undefined ? top : top / bottom;
  return bottom === undefined ? undefined : Number(whole) + top / bottom;
}

function numberIn(digits: string): number {
  return Number(digits.replaceAll(',', ''));
}

function isMinus(sign: string): boolean {
  return sign === '-' || sign === '\u2212';
}

/** Math mode around the whole: `$x$`, `$$x$$`, `\(x\)`, `\[x\]`. */
const DELIMITED = /^\s*(?:\\[([]|\${1,2})([\s\S]+?)(?:\\[)\]]|\${1,2})\s*\.?\s*$/;

function unwrapped(text: string): string {
  return text
    .replace(/\\(?:text|mathrm|mbox|textbf|mathbf)\{([^{}]*)\}/g, ' $1 ')
    .replace(/\\([%$])/g, '$1')
    .replace(/\*\*/g, '')
    .replace(DELIMITED, '$1')
    .trim();
}
