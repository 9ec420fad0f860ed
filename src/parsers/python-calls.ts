import { scanJson } from './json-scanner.ts';
import { type LiteralScan, skipSpace } from './literal-reader.ts';
import { scanPythonLiteral } from './python-literal.ts';
import { pythonLiteral, pythonString } from './to-python.ts';
import type { ParsedCall } from './tool-call-parser.ts';
import { argumentsOf, spelledArguments, TypedArguments } from './typed-value.ts';

export type PythonCallReading =
  | { readonly kind: 'call'; readonly call: ParsedCall; readonly end: number }
  /** Whole, and no call that can be run: `message` says why. */
  | { readonly kind: 'other'; readonly message: string; readonly end: number }
  /** No name with a bracket stands there. */
  | { readonly kind: 'none' }
  /** The text ends inside it. */
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'invalid'; readonly offset: number };

const NAME = /[\p{L}_][\p{L}\p{N}_.-]*/uy;
const KEYWORD = /[\p{L}_][\p{L}\p{N}_]*/uy;
const IS_KEYWORD = /^[\p{L}_][\p{L}\p{N}_]*$/u;

/**
 * Reads a call as Python spells it, `name(key=literal, **{'other key': literal})`. A value that is JSON
 * as it stands keeps its text; any other is a Python literal.
 */
export function readPythonCall(text: string, start: number): PythonCallReading {
  NAME.lastIndex = start;
  const name = NAME.exec(text)?.[0];
  const open = start + (name?.length ?? 0);
  if (open >= text.length) return { kind: 'incomplete' };
  if (name === undefined || text[open] !== '(') return { kind: 'none' };
  // Python says the types itself: schemas are not asked.
  const typed = new TypedArguments(undefined);
  let message: string | undefined;
  let position = skipSpace(text, open + 1);
  while (text[position] !== ')') {
    if (position >= text.length) return { kind: 'incomplete' };
    const argument = readArgument(text, position, typed);
    if (argument.kind === 'incomplete' || argument.kind === 'invalid') return argument;
    message ??= argument.message;
    position = argument.end;
    if (position >= text.length) return { kind: 'incomplete' };
    if (text[position] === ',') position = skipSpace(text, position + 1);
    else if (text[position] !== ')') return { kind: 'invalid', offset: position };
  }
  const end = position + 1;
  return message === undefined
    ? { kind: 'call', call: { name, argumentsText: typed.toText() }, end }
    : { kind: 'other', message, end };
}

type ArgumentReading =
  /** `end`: beyond the space after it. */
  | { readonly kind: 'argument'; readonly end: number; readonly message?: string }
  | Exclude<LiteralScan, { readonly kind: 'complete' }>;

function readArgument(text: string, start: number, typed: TypedArguments): ArgumentReading {
  if (text[start] === '*') {
    const at = skipSpace(text, start + 2);
    if (at >= text.length) return { kind: 'incomplete' };
    if (text[start + 1] !== '*') return { kind: 'invalid', offset: start };
    const value = readValue(text, at);
    if (value.kind !== 'complete') return value;
    const members = argumentsOf(value.json);
    for (const { key, json } of members ?? []) typed.addJson(key, json);
    const end = skipSpace(text, value.end);
    return members === undefined
      ? { kind: 'argument', end, message: '** is followed by no dict' }
      : { kind: 'argument', end };
  }
  KEYWORD.lastIndex = start;
  const key = KEYWORD.exec(text)?.[0];
  const equals = skipSpace(text, start + (key?.length ?? 0));
  if (key !== undefined && equals >= text.length) return { kind: 'incomplete' };
  const isKeyword = key !== undefined && text[equals] === '=';
  const value = readValue(text, isKeyword ? skipSpace(text, equals + 1) : start);
  if (value.kind !== 'complete') return value;
  const end = skipSpace(text, value.end);
  if (!isKeyword) return { kind: 'argument', end, message: 'an argument has no name' };
  typed.addJson(key, value.json);
  return { kind: 'argument', end };
}

function readValue(text: string, start: number): LiteralScan {
  if (start >= text.length) return { kind: 'incomplete' };
  const scan = scanJson(text, start);
  if (scan.kind === 'complete') {
    const next = text[skipSpace(text, scan.end)];
    if (next === undefined) return { kind: 'incomplete' };
    if (next === ',' || next === ')') return { ...scan, json: text.slice(start, scan.end) };
  }
  return scanPythonLiteral(text, start);
}

/** The text of a call; `values`: how the family's models spell them. */
export function pythonCall({ name, argumentsText }: ParsedCall, values: 'json' | 'python'): string {
  const spell = values === 'json' ? (json: string) => json : pythonLiteral;
  const spelled = spelledArguments(argumentsText).map(({ key, json }) => {
    if (IS_KEYWORD.test(key)) return `${key}=${spell(json)}`;
    return `**{${values === 'json' ? JSON.stringify(key) : pythonString(key)}: ${spell(json)}}`;
  });
  return `${name}(${spelled.join(', ')})`;
}
