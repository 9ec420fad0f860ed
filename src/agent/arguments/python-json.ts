/**
 * JSON as Python's `json.loads` reads it and `str` writes it, for the `seed` profile: integers keep
 * all their digits, a float stays a float, NaN and the infinities are values, keys keep their order.
 */

import type { JsonValue } from '../../messages.ts';
import { scanJson } from '../../parsers/index.ts';

export type PythonValue =
  | { readonly kind: 'none' }
  | { readonly kind: 'bool'; readonly value: boolean }
  /** Digits as Python prints them. */
  | { readonly kind: 'int'; readonly digits: string }
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'str'; readonly value: string }
  | { readonly kind: 'list'; readonly items: readonly PythonValue[] }
  | { readonly kind: 'dict'; readonly entries: ReadonlyMap<string, PythonValue> };

/** `syntax`: Python's JSONDecodeError. `limit`: where Python raises something else. */
export type PythonParse =
  | { readonly kind: 'value'; readonly value: PythonValue }
  | { readonly kind: 'syntax' }
  | { readonly kind: 'limit' };

/** Python's parser recurses; about here it gives up. */
const MAX_DEPTH = 990;
/** Python refuses to convert longer integers. */
const MAX_INT_DIGITS = 4_300;

const SPACE = /[ \t\n\r]*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y;
const WORDS: readonly (readonly [string, PythonValue])[] = [
  ['null', { kind: 'none' }],
  ['true', { kind: 'bool', value: true }],
  ['false', { kind: 'bool', value: false }],
  ['NaN', { kind: 'float', value: Number.NaN }],
  ['Infinity', { kind: 'float', value: Number.POSITIVE_INFINITY }],
  ['-Infinity', { kind: 'float', value: Number.NEGATIVE_INFINITY }],
];

class ParseStop extends Error {
  readonly kind: 'syntax' | 'limit';
  constructor(kind: 'syntax' | 'limit') {
    super(kind);
    this.kind = kind;
  }
}

/** Python's `json.loads`. */
export function parsePythonJson(text: string): PythonParse {
  const reader = { text, at: 0 };
  try {
    const value = readValue(reader, 0);
    skipSpace(reader);
    return reader.at === text.length ? { kind: 'value', value } : { kind: 'syntax' };
  } catch (error) {
    if (error instanceof ParseStop) return { kind: error.kind };
    throw error;
  }
}

interface Reader {
  readonly text: string;
  at: number;
}

function readValue(reader: Reader, depth: number): PythonValue {
  skipSpace(reader);
  if (depth > MAX_DEPTH) throw new ParseStop('limit');
  const { text, at } = reader;
  if (text[at] === '"') return { kind: 'str', value: readString(reader) };
  if (text[at] === '[') {
    const items: PythonValue[] = [];
    readItems(reader, ']', () => items.push(readValue(reader, depth + 1)));
    return { kind: 'list', items };
  }
  if (text[at] === '{') {
    const entries = new Map<string, PythonValue>();
    readItems(reader, '}', () => {
      const key = readString(reader);
      skipSpace(reader);
      expect(reader, ':');
      entries.set(key, readValue(reader, depth + 1));
    });
    return { kind: 'dict', entries };
  }
  for (const [word, value] of WORDS) {
    if (text.startsWith(word, at)) {
      reader.at += word.length;
      return value;
    }
  }
  return readNumber(reader);
}

function readItems(reader: Reader, close: string, readItem: () => void): void {
  reader.at += 1;
  skipSpace(reader);
  if (reader.text[reader.at] === close) {
    reader.at += 1;
    return;
  }
  for (;;) {
    skipSpace(reader);
    readItem();
    skipSpace(reader);
    if (reader.text[reader.at] !== ',') break;
    reader.at += 1;
  }
  expect(reader, close);
}

function readString(reader: Reader): string {
  const { text, at } = reader;
  const scan = text[at] === '"' ? scanJson(text, at) : undefined;
  if (scan?.kind !== 'complete') throw new ParseStop('syntax');
  reader.at = scan.end;
  return JSON.parse(text.slice(at, scan.end)) as string;
}

function readNumber(reader: Reader): PythonValue {
  NUMBER.lastIndex = reader.at;
  const found = NUMBER.exec(reader.text);
  if (found === null) throw new ParseStop('syntax');
  reader.at = NUMBER.lastIndex;
  const [text, fraction, exponent] = found;
  if (fraction !== undefined || exponent !== undefined)
    return { kind: 'float', value: Number(text) };
  if (text.replace('-', '').length > MAX_INT_DIGITS) throw new ParseStop('limit');
  return { kind: 'int', digits: text === '-0' ? '0' : text };
}

function expect(reader: Reader, character: string): void {
  if (reader.text[reader.at] !== character) throw new ParseStop('syntax');
  reader.at += 1;
}

function skipSpace(reader: Reader): void {
  SPACE.lastIndex = reader.at;
  SPACE.test(reader.text);
  reader.at = SPACE.lastIndex;
}

/** The same value as JavaScript holds it; large integers lose digits here. */
export function toJsonValue(value: PythonValue): JsonValue {
  switch (value.kind) {
    case 'none':
      return null;
    case 'int':
      return Number(value.digits);
    case 'bool':
    case 'float':
    case 'str':
      return value.value;
    case 'list':
      return value.items.map(toJsonValue);
    case 'dict':
      return Object.fromEntries([...value.entries].map(([key, item]) => [key, toJsonValue(item)]));
  }
}
