import type { Block } from './block-grammar.ts';
import { afterBroken, noCall } from './close-call.ts';
import { type CallObjectOptions, readCallObject } from './json-call.ts';
import { skipJsonSpace } from './json-scanner.ts';
import type { Reading } from './reading.ts';
import type { ParsedCall, ParserDiagnostic } from './tool-call-parser.ts';

/**
 * Reads the calls of a JSON array whose `[` stands at `start`. Each counts that is a call and that a
 * comma, the bracket or the end of a text that was not cut follows; a list that breaks off is content
 * from there on, up to the next of `openers` that can't be quoted.
 */
export function readCallList(
  reading: Reading,
  start: number,
  openers: readonly string[],
  options: CallObjectOptions = {},
): Block {
  const { text, finishReason } = reading;
  const calls: ParsedCall[] = [];
  const problems: Omit<ParserDiagnostic, 'offset'>[] = [];
  let callsEnd = start;
  const breaksOff = (kind: ParserDiagnostic['kind'], message: string, end: number): Block => {
    problems.push({ kind, message });
    return { end, calls, callsEnd, problems };
  };

  let position = skipJsonSpace(text, start + 1);
  if (position < text.length && text[position] !== '{') {
    return noCall('malformed', 'the marker is followed by no list of JSON objects', start + 1);
  }
  for (;;) {
    if (position >= text.length) return breaksOff('cut_off', ENDS_INSIDE, text.length);
    const object = readCallObject(text, position, options);
    if (object.kind === 'incomplete') return breaksOff('cut_off', ENDS_INSIDE, text.length);
    if (object.kind === 'invalid') {
      const message = `no valid JSON at offset ${object.offset}`;
      return breaksOff('malformed', message, afterBroken(reading, object.offset, openers));
    }
    const next = skipJsonSpace(text, object.end);
    const isLast = next >= text.length;
    if (isLast && finishReason === 'length') {
      return breaksOff('cut_off', 'the list is not closed and the text was cut', text.length);
    }
    if (!isLast && text[next] !== ',' && text[next] !== ']') {
      const message = 'the list goes on with neither a comma nor its end';
      return breaksOff('malformed', message, afterBroken(reading, object.end, openers));
    }
    if (object.kind === 'call') calls.push(object.call);
    else problems.push({ kind: 'malformed', message: object.message });
    callsEnd = Math.min(next + 1, text.length);
    if (isLast || text[next] === ']') return { end: callsEnd, calls, problems };
    position = skipJsonSpace(text, callsEnd);
  }
}

const ENDS_INSIDE = 'the text ends inside the list';
