/**
 * Python literals as JSON: strings, numbers, True, False, None, lists, tuples and dicts of them.
 * Nothing is evaluated; whatever else stands there is no literal. Linear in the length of the text.
 */

import {
  incomplete,
  invalid,
  type LiteralScan,
  type Reader,
  Stop,
  skipSpace,
  stop,
} from './literal-reader.ts';
import { readStrings } from './python-string.ts';

/** Python's own parser gives up about here. */
const MAX_DEPTH = 200;
/** Longer ones are no numbers that a model means; turning them into decimals is no longer linear. */
const MAX_RADIX_DIGITS = 256;

const WORD = /[\p{L}_][\p{L}\p{N}_]*/uy;
const DECIMAL = /[+-]?(?:\d[\d_]*)?(?:\.(?:\d[\d_]*)?)?(?:[eE][+-]?\d[\d_]*)?/y;
const RADIX = /([+-]?)(0[xX][\da-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+)/y;
const JSON_NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
/** What the text ends with, if more of the number may come. */
const PARTIAL_NUMBER = /(?:[eE][+-]?|[xXoObB])?$/y;
const PREFIXED = /^[rRuU]?$/;
const WORDS: ReadonlyMap<string, string> = new Map([
  ['True', 'true'],
  ['False', 'false'],
  ['None', 'null'],
  // Models that are shown JSON schemas write its words.
  ['true', 'true'],
  ['false', 'false'],
  ['null', 'null'],
]);

/** Scans the literal that stands at `start` (no leading space). */
export function scanPythonLiteral(text: string, start: number): LiteralScan {
  const reader = { text, at: start };
  try {
    return { kind: 'complete', json: readValue(reader, 0), end: reader.at };
  } catch (stop) {
    if (stop instanceof Stop) return stop.scan;
    throw stop;
  }
}

function readValue(reader: Reader, depth: number): string {
  if (depth > MAX_DEPTH) throw invalid(reader.at);
  const { text, at } = reader;
  switch (text[at]) {
    case undefined:
      throw stop(reader);
    case '[':
      return readItems(reader, ']', depth).json;
    case '(': {
      const { json, items, hasComma } = readItems(reader, ')', depth);
      // Brackets around one value are no tuple.
      return items.length === 1 && !hasComma ? (items[0] as string) : json;
    }
    case '{':
      return readDict(reader, depth);
    case '"':
    case "'":
      return JSON.stringify(readStrings(reader, false));
  }
  WORD.lastIndex = at;
  const word = WORD.exec(text)?.[0];
  return word === undefined ? readNumber(reader) : readWord(reader, word);
}

function readWord(reader: Reader, word: string): string {
  const { text, at } = reader;
  const after = at + word.length;
  if (after >= text.length) throw incomplete();
  const quote = text[after];
  if (PREFIXED.test(word) && (quote === '"' || quote === "'")) {
    reader.at = after;
    return JSON.stringify(readStrings(reader, word === 'r' || word === 'R'));
  }
  const json = WORDS.get(word);
  if (json === undefined) throw invalid(at);
  reader.at = after;
  return json;
}

function readNumber(reader: Reader): string {
  const { text, at } = reader;
  RADIX.lastIndex = at;
  const radix = RADIX.exec(text);
  DECIMAL.lastIndex = at;
  const spelled = radix?.[0] ?? DECIMAL.exec(text)?.[0] ?? '';
  const end = at + spelled.length;
  if (!/\d/.test(spelled)) {
    // A sign or a point may yet become a number.
    reader.at = end;
    throw end >= text.length ? stop(reader) : invalid(at);
  }
  PARTIAL_NUMBER.lastIndex = end;
  if (PARTIAL_NUMBER.test(text)) throw incomplete();
  reader.at = end;
  if (JSON_NUMBER.test(spelled)) return spelled;
  const plain = spelled.replaceAll('_', '').replace('+', '');
  if (/__|_$|_[.eE]/.test(spelled)) throw invalid(at);
  if (radix !== null) {
    if (plain.length > MAX_RADIX_DIGITS) throw invalid(at);
    const digits = BigInt(plain.replace('-', '')).toString();
    return plain.startsWith('-') ? `-${digits}` : digits;
  }
  const json = plain.replace(/^(-?)\./, '$10.').replace(/\.(?=[eE]|$)/, '.0');
  if (!JSON_NUMBER.test(json)) throw invalid(at);
  return json;
}

/** The items of a list or tuple whose opening bracket stands here. */
function readItems(
  reader: Reader,
  close: string,
  depth: number,
): { readonly json: string; readonly items: readonly string[]; readonly hasComma: boolean } {
  const items: string[] = [];
  let hasComma = false;
  reader.at = skipSpace(reader.text, reader.at + 1);
  while (reader.text[reader.at] !== close) {
    items.push(readValue(reader, depth + 1));
    hasComma = readComma(reader, close);
  }
  reader.at += 1;
  return { json: `[${items.join(', ')}]`, items, hasComma: hasComma || items.length > 1 };
}

function readDict(reader: Reader, depth: number): string {
  const { text } = reader;
  const members = new Map<string, string>();
  reader.at = skipSpace(text, reader.at + 1);
  while (text[reader.at] !== '}') {
    const keyStart = reader.at;
    const key = readValue(reader, depth + 1);
    if (key.startsWith('[') || key.startsWith('{')) throw invalid(keyStart);
    reader.at = skipSpace(text, reader.at);
    if (text[reader.at] !== ':') throw stop(reader);
    reader.at = skipSpace(text, reader.at + 1);
    // Keys of JSON are strings: others are spelled as Python's json module does.
    members.set(key.startsWith('"') ? key : JSON.stringify(key), readValue(reader, depth + 1));
    readComma(reader, '}');
  }
  reader.at += 1;
  return `{${[...members].map(([key, value]) => `${key}: ${value}`).join(', ')}}`;
}

/** Reads up to the next item or the end; whether a comma stands there. */
function readComma(reader: Reader, close: string): boolean {
  reader.at = skipSpace(reader.text, reader.at);
  if (reader.text[reader.at] === close) return false;
  if (reader.text[reader.at] !== ',') throw stop(reader);
  reader.at = skipSpace(reader.text, reader.at + 1);
  return true;
}

/** The JSON of a text that is a literal and nothing else, space around it aside. */
export function pythonLiteralJson(text: string): string | undefined {
  // With something after it, its end is certain.
  const scan = scanPythonLiteral(`${text}\n`, skipSpace(text, 0));
  if (scan.kind !== 'complete') return undefined;
  return skipSpace(text, scan.end) >= text.length ? scan.json : undefined;
}
