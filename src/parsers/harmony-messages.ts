import { readArguments } from './json-call.ts';
import { skipJsonSpace } from './json-scanner.ts';
import { endsWithin, type Reading } from './reading.ts';
import type { ParsedCall, ParserDiagnostic } from './tool-call-parser.ts';

const START = '<|start|>';
const CHANNEL = '<|channel|>';
const MESSAGE = '<|message|>';
/** What ends a message; a new one does, too. */
export const HARMONY_ENDS = ['<|end|>', '<|call|>', '<|return|>', START];

/** A message of the text, or text between messages. It ends at `end`. */
export type HarmonyMessage =
  | {
      readonly kind: 'content' | 'reasoning';
      readonly bodyStart: number;
      readonly bodyEnd: number;
      readonly end: number;
    }
  | { readonly kind: 'stray'; readonly text: string; readonly end: number }
  | { readonly kind: 'call'; readonly call: ParsedCall; readonly end: number }
  /** Was to be a call, and is none. */
  | {
      readonly kind: 'no_call';
      readonly problem: Omit<ParserDiagnostic, 'offset'>;
      readonly end: number;
    };

/** The message or the stray text that begins at `from`; undefined where no message comes any more. */
export function nextHarmonyMessage(reading: Reading, from: number): HarmonyMessage | undefined {
  const { text, find } = reading;
  const at = find(MESSAGE, from);
  if (at === Number.POSITIVE_INFINITY) return undefined;
  const before = text.slice(from, at);
  const start = before.lastIndexOf(START);
  const header = before.slice(Math.max(start, 0));
  const recipient = /(?:^|\s)to=([^\s<]+)/.exec(header)?.[1];
  const channel = /<\|channel\|>\s*(\w*)/.exec(header)?.[1];
  const stray =
    start < 0 && (channel ?? recipient) === undefined
      ? before
      : before.slice(0, Math.max(start, 0));
  if (stray.trim() !== '') {
    // What is left is a header, or begins with the marker.
    return { kind: 'stray', text: stray.trim(), end: from + stray.length };
  }
  const bodyStart = at + MESSAGE.length;
  if (recipient !== undefined && recipient !== 'assistant' && recipient !== 'all') {
    const read = readCall(reading, bodyStart, recipient.replace(/^functions\./, ''));
    return read.kind === 'call' && read.call.name === '' ? nameless(read.end) : read;
  }
  const { at: bodyEnd, end } = messageEnd(reading, bodyStart);
  return { kind: channel === 'analysis' ? 'reasoning' : 'content', bodyStart, bodyEnd, end };
}

function nameless(end: number): HarmonyMessage {
  return { kind: 'no_call', problem: { kind: 'malformed', message: 'no tool is named' }, end };
}

/** Text behind the last message: what is no header that was cut off. */
export function harmonyRest(text: string, from: number): string {
  const rest = text.slice(from);
  const header = rest.search(/<\|(?:start|channel)\|>|^\s+to=/);
  return (header < 0 ? rest : rest.slice(0, header)).trim();
}

/** Whether a text is no harmony at all: an answer without its frame. */
export function isPlainText(text: string): boolean {
  return ![START, CHANNEL, MESSAGE].some((marker) => text.includes(marker));
}

function readCall(reading: Reading, bodyStart: number, name: string): HarmonyMessage {
  const { text, finishReason } = reading;
  const cutOff = (message: string): HarmonyMessage => ({
    kind: 'no_call',
    problem: { kind: 'cut_off', message },
    end: text.length,
  });
  const malformed = (message: string, from: number): HarmonyMessage => ({
    kind: 'no_call',
    problem: { kind: 'malformed', message },
    end: messageEnd(reading, from).end,
  });
  const at = skipJsonSpace(text, bodyStart);
  // An empty message is a call without arguments, once it is ended.
  const isEmpty = HARMONY_ENDS.some((marker) => text.startsWith(marker, at));
  if (at >= text.length) return cutOff('the text ends before the arguments');
  const read = isEmpty
    ? { kind: 'complete' as const, argumentsText: '{}', end: at }
    : readArguments(text, at);
  if (read.kind === 'incomplete') {
    const isEnded = messageEnd(reading, at).at < text.length;
    return finishReason === 'length' || !isEnded
      ? cutOff('the text ends inside the call')
      : malformed('the arguments are not whole', at);
  }
  if (read.kind === 'invalid') {
    const isPartial = HARMONY_ENDS.some((marker) => endsWithin(text, at, marker));
    return isPartial
      ? cutOff('the text ends before the arguments')
      : malformed(`no valid JSON at offset ${read.offset}`, at);
  }
  const call = { name, argumentsText: read.argumentsText };
  const next = skipJsonSpace(text, read.end);
  const marker = HARMONY_ENDS.find((each) => text.startsWith(each, next));
  if (marker !== undefined) {
    return { kind: 'call', call, end: next + (marker === START ? 0 : marker.length) };
  }
  const isOver = next >= text.length || HARMONY_ENDS.some((each) => endsWithin(text, next, each));
  if (!isOver) return malformed('the arguments are followed by something', read.end);
  if (finishReason === 'length') return cutOff('the call is not ended and the text was cut');
  // Engines take the marker away that ended the text; a number alone may miss digits.
  return /[\d+.eE-]$/.test(text.slice(at, read.end))
    ? cutOff('the text ends inside the call')
    : { kind: 'call', call, end: text.length };
}

/** Where a message ends whose text goes on at `from`; both are the text's end where nothing ends it. */
export function messageEnd(
  { text, find }: Reading,
  from: number,
): { readonly at: number; readonly end: number } {
  let at = text.length;
  let end = text.length;
  for (const marker of HARMONY_ENDS) {
    const found = find(marker, from);
    if (found >= at) continue;
    at = found;
    end = found + (marker === START ? 0 : marker.length);
  }
  return { at, end };
}
