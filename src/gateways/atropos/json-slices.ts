/**
 * Finds values in JSON text without building them, so that what is nobody's business here goes out as
 * the very characters that came in: numbers keep their digits, keys their order. The text is known to
 * be JSON (it was parsed), so nothing is checked but the depth.
 */
export type Slices = ReadonlyMap<string, string>;

/** The values of an object by key, as text; of a repeated key the last. */
export function objectSlices(text: string): Slices {
  const slices = new Map<string, string>();
  let at = skipSpace(text, skipSpace(text, 0) + 1);
  while (text[at] === '"') {
    const keyEnd = stringEnd(text, at);
    const key = JSON.parse(text.slice(at, keyEnd)) as string;
    const start = skipSpace(text, skipSpace(text, keyEnd) + 1);
    const end = valueEnd(text, start);
    slices.set(key, text.slice(start, end));
    at = skipSpace(text, end);
    if (text[at] === ',') at = skipSpace(text, at + 1);
  }
  return slices;
}

/** The elements of a list, as text. */
export function listSlices(text: string): readonly string[] {
  const slices: string[] = [];
  let at = skipSpace(text, skipSpace(text, 0) + 1);
  while (at < text.length && text[at] !== ']') {
    const end = valueEnd(text, at);
    slices.push(text.slice(at, end));
    at = skipSpace(text, end);
    if (text[at] === ',') at = skipSpace(text, at + 1);
  }
  return slices;
}

/** How deep lists and objects stand in each other; 0 for a plain value. */
export function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = stringEnd(text, at) - 1;
    else if (code === OPEN_LIST || code === OPEN_OBJECT) deepest = Math.max(deepest, ++depth);
    else if (code === CLOSE_LIST || code === CLOSE_OBJECT) depth -= 1;
  }
  return deepest;
}

/** What stands for Python's `NaN` in a parsed body; no field takes such a text for one. */
export const NOT_A_NUMBER = '\u0000NaN';

/**
 * The text with Python's `Infinity` as 1e999, which is read as infinite, and its `NaN` as the text
 * that stands for it. Undefined when there are none.
 */
export function withoutPythonNumbers(text: string): string | undefined {
  let result = '';
  let copied = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = stringEnd(text, at) - 1;
    else if (code === LETTER_N || code === LETTER_I) {
      const word = code === LETTER_N ? 'NaN' : 'Infinity';
      if (!text.startsWith(word, at)) continue;
      result += text.slice(copied, at) + (code === LETTER_N ? NOT_A_NUMBER_JSON : '1e999');
      copied = at + word.length;
      at = copied - 1;
    }
  }
  return copied === 0 ? undefined : result + text.slice(copied);
}

const NOT_A_NUMBER_JSON = JSON.stringify(NOT_A_NUMBER);
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const COMMA = 0x2c;
const LETTER_N = 0x4e;
const LETTER_I = 0x49;

function skipSpace(text: string, from: number): number {
  let at = from;
  while (at < text.length && text.charCodeAt(at) <= 0x20) at += 1;
  return at;
}

/** After the quote that ends the string beginning at `start`; the text's end when none does. */
function stringEnd(text: string, start: number): number {
  for (let at = start + 1; ; ) {
    const quote = text.indexOf('"', at);
    if (quote < 0) return text.length;
    let slashes = 0;
    while (text.charCodeAt(quote - 1 - slashes) === BACKSLASH) slashes += 1;
    if (slashes % 2 === 0) return quote + 1;
    at = quote + 1;
  }
}

function valueEnd(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = stringEnd(text, at) - 1;
      if (depth === 0) return at + 1;
    } else if (code === OPEN_LIST || code === OPEN_OBJECT) depth += 1;
    else if (code === CLOSE_LIST || code === CLOSE_OBJECT) {
      if (depth === 0) return trimmedEnd(text, at);
      depth -= 1;
      if (depth === 0) return at + 1;
    } else if (code === COMMA && depth === 0) return trimmedEnd(text, at);
  }
  return trimmedEnd(text, text.length);
}

function trimmedEnd(text: string, end: number): number {
  let at = end;
  while (at > 0 && text.charCodeAt(at - 1) <= 0x20) at -= 1;
  return at;
}
