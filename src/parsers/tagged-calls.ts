import type { Block, BlockGrammar } from './block-grammar.ts';
import { noCall } from './close-call.ts';
import { blockParser } from './grammar.ts';
import { skipJsonSpace } from './json-scanner.ts';
import { endsWithin, type Reading } from './reading.ts';
import type { ParsedCall, ParserDiagnostic, ToolCallParser } from './tool-call-parser.ts';
import { TypedArguments, type Untyped } from './typed-value.ts';
import { type Follows, type ValueTags, valueEnd } from './value-end.ts';

/** A grammar whose calls and parameters stand between tags, values as they are. */
export interface TaggedGrammar extends Pick<BlockGrammar, 'name' | 'renderCalls'> {
  /** Around one call or several. */
  readonly wrapper: { readonly open: string; readonly close: string };
  /** Whether a call may stand without it. */
  readonly isWrapperOptional?: boolean;
  readonly call: { readonly open: string; readonly close: string };
  readonly parameter: { readonly open: string; readonly close: string };
  /** What the text from a tag's `open` to its `>` says. */
  readonly readHead: (head: string) => TagHead | undefined;
  /** Whether the family's template writes a newline before and after each value. */
  readonly hasNewlines?: boolean;
}

/** What the head of a tag says. */
export interface TagHead {
  readonly name: string;
  /** How the tag itself says that its value is to be read. Default: by the schema. */
  readonly value?: 'string' | Untyped;
}

export function taggedParser(grammar: TaggedGrammar): ToolCallParser {
  const { name, wrapper, call, isWrapperOptional = false, renderCalls } = grammar;
  return blockParser({
    name,
    openers: isWrapperOptional ? [wrapper.open, call.open] : [wrapper.open],
    read: (reading, start, opener) => readBlock(grammar, reading, start, opener === wrapper.open),
    renderCalls,
  });
}

function readBlock(
  grammar: TaggedGrammar,
  reading: Reading,
  start: number,
  isWrapped: boolean,
): Block {
  const { wrapper, call } = grammar;
  const { text, finishReason } = reading;
  const markers = [...(isWrapped ? [wrapper.open, call.open] : []), wrapper.close];
  const calls: ParsedCall[] = [];
  const problems: Omit<ParserDiagnostic, 'offset'>[] = [];
  let position = isWrapped ? start + wrapper.open.length : start;
  let callsEnd = position;
  /** Read, but it counts only with what may follow a call. */
  let last: ParsedCall | undefined;
  const accept = (end: number): void => {
    if (last === undefined) return;
    calls.push(last);
    callsEnd = end;
    last = undefined;
  };
  const done = (end: number, kind?: ParserDiagnostic['kind'], message = ''): Block => {
    if (kind !== undefined) problems.push({ kind, message });
    return { end, calls, callsEnd: Math.min(callsEnd, end), problems };
  };

  for (;;) {
    const at = skipJsonSpace(text, position);
    if (text.startsWith(wrapper.close, at)) {
      const end = at + wrapper.close.length;
      if (last === undefined && calls.length + problems.length === 0) {
        return noCall('malformed', 'the block holds no call', end);
      }
      accept(end);
      if (calls.length > 0) callsEnd = end;
      return done(end);
    }
    if (text.startsWith(call.open, at) && (isWrapped || last === undefined)) {
      accept(at);
      const read = readCall(grammar, reading, at, isWrapped);
      if (read.kind === 'cut_off') return done(text.length, 'cut_off', read.message);
      position = read.end;
      if (read.kind === 'call') last = read.call;
      else problems.push({ kind: 'malformed', message: read.message });
      if (read.kind === 'call' || isWrapped) continue;
      return done(position);
    }
    if (at >= text.length || markers.some((marker) => endsWithin(text, at, marker))) {
      // Without a wrapper, its own tag has closed the call.
      if (last !== undefined && (!isWrapped || finishReason !== 'length')) {
        accept(text.length);
        return done(text.length);
      }
      return done(text.length, 'cut_off', 'the text ends before its calls are closed');
    }
    const isNext = text.startsWith(wrapper.open, at);
    if (!isWrapped || (isNext && last !== undefined)) {
      accept(position);
      return done(position);
    }
    // What was malformed before is told already.
    if (last === undefined && problems.length > 0) return done(position);
    const message =
      last === undefined
        ? `${wrapper.open} is not followed by a call`
        : 'the call is followed by neither another nor the end of the block';
    return done(position, 'malformed', message);
  }
}

type CallReading =
  | { readonly kind: 'call'; readonly call: ParsedCall; readonly end: number }
  | { readonly kind: 'malformed'; readonly message: string; readonly end: number }
  | { readonly kind: 'cut_off'; readonly message: string };

const CUT: CallReading = { kind: 'cut_off', message: 'the text ends inside the call' };

/** Reads the call whose opening tag stands at `start`. */
function readCall(
  grammar: TaggedGrammar,
  reading: Reading,
  start: number,
  isWrapped: boolean,
): CallReading {
  const { call, parameter, hasNewlines = false } = grammar;
  const { text, finishReason, tools } = reading;
  const tags = tagsOf(grammar, reading, isWrapped);
  const head = headAt(grammar, text, start + call.open.length);
  if (head === 'ends') return CUT;
  if (head === undefined || head.name === '') {
    const end = start + call.open.length;
    const message = 'the tag names no function';
    // Bare it may be prose, and nothing was opened.
    return isWrapped ? broken(grammar, reading, end, message) : { kind: 'malformed', message, end };
  }
  const typed = new TypedArguments(tools.get(head.name)?.parameters);
  const done = (end: number): CallReading => ({
    kind: 'call',
    call: { name: head.name, argumentsText: typed.toText() },
    end,
  });
  let position = head.end;
  for (;;) {
    const at = skipJsonSpace(text, position);
    if (text.startsWith(call.close, at)) return done(at + call.close.length);
    if (!text.startsWith(parameter.open, at)) {
      const isClosing = endsWithin(text, at, call.close);
      // With so much of the closing tag no parameter can follow.
      if (isClosing && text.length - at >= 2 && finishReason !== 'length') return done(text.length);
      if (isClosing || endsWithin(text, at, parameter.open)) return CUT;
      return broken(grammar, reading, at, 'the call holds something between its parameters');
    }
    const key = headAt(grammar, text, at + parameter.open.length);
    if (key === 'ends') return CUT;
    if (key === undefined) return broken(grammar, reading, at, 'the tag names no parameter');
    const end = valueEnd(reading, key.end, tags);
    if (end.kind === 'open') return CUT;
    if (end.kind === 'broken') {
      return { kind: 'malformed', message: 'a parameter is not closed', end: end.end };
    }
    const value = text.slice(key.end, end.end);
    const own = hasNewlines ? withoutNewlines(value) : value;
    if (key.value === 'string') typed.addJson(key.name, JSON.stringify(own));
    else typed.addText(key.name, own, key.value);
    position = end.next;
  }
}

/** A broken call ends with its closing tag, so that nothing which it quotes is taken for a call. */
function broken(
  { call, wrapper }: TaggedGrammar,
  { text, find }: Reading,
  from: number,
  message: string,
): CallReading {
  const end = Math.min(find(call.close, from) + call.close.length, find(wrapper.close, from));
  return { kind: 'malformed', message, end: Math.min(end, text.length) };
}

const HEAD = /[^<>\n]*/y;

/** What stands from `start` to the `>` of a tag. */
function headAt(
  { readHead }: TaggedGrammar,
  text: string,
  start: number,
): (TagHead & { readonly end: number }) | 'ends' | undefined {
  HEAD.lastIndex = start;
  const head = HEAD.exec(text)?.[0] ?? '';
  const end = start + head.length;
  if (end >= text.length) return 'ends';
  if (text[end] !== '>') return undefined;
  const read = readHead(head);
  return read === undefined ? undefined : { ...read, end: end + 1 };
}

function tagsOf(
  { wrapper, call, parameter }: TaggedGrammar,
  { text }: Reading,
  isWrapped: boolean,
): ValueTags {
  const follows = (at: number, markers: readonly string[]): Follows => {
    if (markers.some((marker) => text.startsWith(marker, at))) return 'yes';
    return markers.some((marker) => endsWithin(text, at, marker)) ? 'ends' : 'no';
  };
  const afterCall = (at: number): Follows =>
    isWrapped ? follows(skipJsonSpace(text, at), [wrapper.close, wrapper.open, call.open]) : 'yes';
  return {
    close: parameter.close,
    callClose: call.close,
    callOpen: call.open,
    afterCall,
    opensCall(at, from) {
      let before = at;
      while (before > from && ' \n\r\t'.includes(text[before - 1] as string)) before -= 1;
      const open = before - wrapper.open.length;
      return open >= from && text.startsWith(wrapper.open, open);
    },
    closesCall: (at) => text.startsWith(wrapper.close, skipJsonSpace(text, at)),
    afterValue(at) {
      const next = skipJsonSpace(text, at);
      return text.startsWith(call.close, next)
        ? afterCall(next + call.close.length)
        : follows(next, [parameter.open, call.close]);
    },
  };
}

function withoutNewlines(value: string): string {
  const start = value.startsWith('\n') ? 1 : 0;
  const end = value.endsWith('\n') && value.length > start ? value.length - 1 : value.length;
  return value.slice(start, end);
}
