import { type MemberSpan, scanJson, skipJsonSpace, type TextSpan } from './json-scanner.ts';
import type { ParsedCall } from './tool-call-parser.ts';

type Unread =
  /** The text ends inside it. */
  { readonly kind: 'incomplete' } | { readonly kind: 'invalid'; readonly offset: number };

export type ArgumentsReading =
  | { readonly kind: 'complete'; readonly argumentsText: string; readonly end: number }
  | Unread;

/**
 * The arguments that stand at `from`, white space before them aside, any JSON: of a string its content,
 * else the exact substring.
 */
export function readArguments(text: string, from: number): ArgumentsReading {
  const start = skipJsonSpace(text, from);
  const scan = scanJson(text, start);
  if (scan.kind !== 'complete') return scan;
  return { ...scan, argumentsText: argumentsTextOf(text, { start, end: scan.end }) };
}

export type CallObjectReading =
  | { readonly kind: 'call'; readonly call: ParsedCall; readonly end: number }
  /** Whole, and no call: `message` says why. */
  | { readonly kind: 'other'; readonly message: string; readonly end: number }
  | Unread;

export interface CallObjectOptions {
  /** What `id` in it must be to be the call's id. Default: calls have none. */
  readonly id?: RegExp;
  /** Whether an object without arguments is no call. Default: no; it takes none. */
  readonly needsArguments?: boolean;
}

/** The object at `start` as a call: `{"name": ..., "arguments": ...}`, or `parameters` for `arguments`. */
export function readCallObject(
  text: string,
  start: number,
  options: CallObjectOptions = {},
): CallObjectReading {
  const members: MemberSpan[] = [];
  const scan = scanJson(text, start, members);
  if (scan.kind !== 'complete') return scan;
  const call = text[start] === '{' ? callOf(text, members, options) : 'it is no JSON object';
  return typeof call === 'string'
    ? { kind: 'other', message: call, end: scan.end }
    : { kind: 'call', call, end: scan.end };
}

/** The call that an object's members say, or what is wrong with them. */
function callOf(
  text: string,
  members: readonly MemberSpan[],
  { id: idForm, needsArguments = false }: CallObjectOptions,
): ParsedCall | string {
  const spans = new Map<string, TextSpan>();
  for (const { key, value } of members) spans.set(stringAt(text, key) as string, value);
  const name = stringAt(text, spans.get('name'));
  if (name === undefined || name === '') return 'the object has no "name" that is a string';
  const span = spans.get('arguments') ?? spans.get('parameters');
  if (span === undefined && needsArguments) return 'the object has no arguments';
  const id = idForm === undefined ? undefined : stringAt(text, spans.get('id'));
  return {
    name,
    argumentsText: span === undefined ? '{}' : argumentsTextOf(text, span),
    ...(id !== undefined && idForm?.test(id) ? { id } : {}),
  };
}

function argumentsTextOf(text: string, span: TextSpan): string {
  return stringAt(text, span) ?? text.slice(span.start, span.end);
}

/** What a scanned string says; undefined where there is none. */
function stringAt(text: string, span: TextSpan | undefined): string | undefined {
  if (span === undefined || text[span.start] !== '"') return undefined;
  return JSON.parse(text.slice(span.start, span.end)) as string;
}

/** JSON that is read back as these very arguments: themselves where they are JSON, else a string. */
export function argumentsJson(argumentsText: string): string {
  const isString = argumentsText.startsWith('"');
  const scan = scanJson(argumentsText, 0);
  const isWhole = scan.kind === 'complete' && scan.end === argumentsText.length;
  const isTrimmed = skipJsonSpace(argumentsText, 0) === 0;
  return isWhole && isTrimmed && !isString ? argumentsText : JSON.stringify(argumentsText);
}

/** A call as an object, in the spacing of Python's `json.dumps`. */
export function callObject(
  { name, argumentsText }: ParsedCall,
  argumentsKey: 'arguments' | 'parameters' = 'arguments',
): string {
  return `{"name": ${JSON.stringify(name)}, "${argumentsKey}": ${argumentsJson(argumentsText)}}`;
}
