import {
  incomplete,
  invalid,
  type LiteralScan,
  type Reader,
  Stop,
  skipSpace,
  stop,
} from './literal-reader.ts';
import type { Reading } from './reading.ts';
import type { ParsedCall } from './tool-call-parser.ts';
import { spelledArguments, type TypedArguments, typedValueJson } from './typed-value.ts';

/** What a family of Gemma writes around a call, and on both sides of a string. */
export interface GemmaMarks {
  readonly open: string;
  readonly close: string;
  readonly quote: string;
}

const MAX_DEPTH = 200;
const BARE_KEY = /[^:{}[\],<>]*/y;
const BARE_VALUE = /[^,{}[\]]*/y;
const IS_BARE_KEY = /^[^\s:{}[\],<>"]+$/;

interface GemmaReader extends Reader {
  readonly reading: Reading;
  readonly marks: GemmaMarks;
}

/**
 * Reads the arguments whose `{` stands at `start`: `{key:<|"|>text<|"|>,other:1,more:[{k:true}]}`. A
 * string ends at the first mark that a comma, a bracket or the end follows. What has no mark is read
 * by its schema, or as JSON where it has none.
 */
export function scanGemmaArguments(
  reading: Reading,
  start: number,
  marks: GemmaMarks,
  typed: TypedArguments,
): LiteralScan {
  const reader = { text: reading.text, at: start, reading, marks };
  try {
    readMembers(reader, (key) => {
      const value = readValue(reader, 0);
      if (value.isText) typed.addText(key, value.text, 'no_string');
      else typed.addJson(key, value.text);
    });
    return { kind: 'complete', json: typed.toText(), end: reader.at };
  } catch (found) {
    if (found instanceof Stop) return found.scan;
    throw found;
  }
}

/** JSON, or the text of a value that has no marks. */
interface GemmaValue {
  readonly isText: boolean;
  readonly text: string;
}

function readValue(reader: GemmaReader, depth: number): GemmaValue {
  const { text, at, marks } = reader;
  if (depth > MAX_DEPTH) throw invalid(at);
  if (at >= text.length) throw incomplete();
  if (text.startsWith(marks.quote, at)) {
    return { isText: false, text: JSON.stringify(readString(reader, ',}]')) };
  }
  if (text[at] === '{') {
    const members = new Map<string, string>();
    readMembers(reader, (key) => members.set(JSON.stringify(key), readJson(reader, depth + 1)));
    const all = [...members].map(([key, json]) => `${key}: ${json}`);
    return { isText: false, text: `{${all.join(', ')}}` };
  }
  if (text[at] === '[') {
    const items: string[] = [];
    reader.at = skipSpace(text, at + 1);
    while (text[reader.at] !== ']') {
      items.push(readJson(reader, depth + 1));
      readComma(reader, ']');
    }
    reader.at += 1;
    return { isText: false, text: `[${items.join(', ')}]` };
  }
  BARE_VALUE.lastIndex = at;
  const bare = BARE_VALUE.exec(text)?.[0] ?? '';
  reader.at = at + bare.length;
  if (reader.at >= text.length) throw incomplete();
  return { isText: true, text: bare.trim() };
}

function readJson(reader: GemmaReader, depth: number): string {
  const value = readValue(reader, depth);
  return value.isText ? typedValueJson(value.text, undefined, undefined, 'no_string') : value.text;
}

function readMembers(reader: GemmaReader, readMember: (key: string) => void): void {
  const { text } = reader;
  reader.at = skipSpace(text, reader.at + 1);
  while (text[reader.at] !== '}') {
    const key = readKey(reader);
    if (text[reader.at] !== ':') throw stop(reader);
    reader.at = skipSpace(text, reader.at + 1);
    readMember(key);
    readComma(reader, '}');
  }
  reader.at += 1;
}

function readKey(reader: GemmaReader): string {
  const { text, at, marks } = reader;
  let key: string;
  if (text.startsWith(marks.quote, at)) {
    key = readString(reader, ':');
  } else {
    if (marks.quote.startsWith(text.slice(at, at + marks.quote.length))) throw incomplete();
    BARE_KEY.lastIndex = at;
    key = (BARE_KEY.exec(text)?.[0] ?? '').trimEnd();
    reader.at = at + key.length;
    if (key === '' && reader.at < text.length) throw invalid(at);
  }
  reader.at = skipSpace(text, reader.at);
  return key;
}

function readComma(reader: GemmaReader, close: string): void {
  reader.at = skipSpace(reader.text, reader.at);
  if (reader.text[reader.at] === close) return;
  if (reader.text[reader.at] !== ',') throw stop(reader);
  reader.at = skipSpace(reader.text, reader.at + 1);
}

function readString(reader: GemmaReader, followers: string): string {
  const { text, at, reading, marks } = reader;
  const { open, close, quote } = marks;
  const from = at + quote.length;
  for (let position = from; ; ) {
    const end = reading.find(quote, position);
    // Where a call ends and another begins, the mark is missing.
    const closeAt = reading.find(close, from);
    if (closeAt < end && reading.find(open, closeAt) < end) throw invalid(from);
    if (end === Number.POSITIVE_INFINITY) throw incomplete();
    const next = skipSpace(text, end + quote.length);
    if (next >= text.length) throw incomplete();
    if (followers.includes(text[next] as string)) {
      reader.at = end + quote.length;
      return text.slice(from, end);
    }
    position = end + quote.length;
  }
}

// Strings, with the colon after a key; words of JSON; the space between.
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?|null|[ \n\r\t]+/g;

/** A call in the family's own text, null as its templates print it. */
export function gemmaCall({ name, argumentsText }: ParsedCall, marks: GemmaMarks): string {
  const { open, close, quote } = marks;
  const keyText = (key: string): string => (IS_BARE_KEY.test(key) ? key : quote + key + quote);
  const spell = (json: string): string =>
    json.replace(TOKEN, (token, colon?: string) => {
      if (token === 'null') return 'None';
      if (!token.startsWith('"')) return '';
      const length = token.length - (colon?.length ?? 0);
      const string = JSON.parse(token.slice(0, length)) as string;
      return colon === undefined ? quote + string + quote : `${keyText(string)}:`;
    });
  const all = spelledArguments(argumentsText).map(
    ({ key, json }) => `${keyText(key)}:${spell(json)}`,
  );
  return `${open}call:${name}{${all.join(',')}}${close}`;
}
