import type { Block } from './block-grammar.ts';
import { skipJsonSpace } from './json-scanner.ts';
import { endsWithin, type Reading } from './reading.ts';
import type { ParsedCall } from './tool-call-parser.ts';

/** A block that is no call; it is content up to `end`. */
export function noCall(kind: 'malformed' | 'cut_off', message: string, end: number): Block {
  return { end, calls: [], problems: [{ kind, message }] };
}

/** How calls of a grammar end. */
export interface CallEnd {
  /** They follow a call in this order, white space around them. */
  readonly closers: readonly string[];
  /** An unclosed call counts where one of these follows. */
  readonly openers: readonly string[];
}

/**
 * The block of a call (or of what is none, and why) which is whole at `at`, where its closers are to
 * follow. Where the text ends before them, the call counts, unless the text was cut.
 */
export function closeCall(
  { text, finishReason }: Reading,
  at: number,
  { closers, openers }: CallEnd,
  call: ParsedCall | string,
): Block {
  const block = (end: number): Block =>
    typeof call === 'string' ? noCall('malformed', call, end) : { end, calls: [call] };
  const wasCut = finishReason === 'length';
  let end = at;
  for (const closer of closers) {
    const next = skipJsonSpace(text, end);
    if (text.startsWith(closer, next)) {
      end = next + closer.length;
      continue;
    }
    const endsHere = endsWithin(text, next, closer);
    if (wasCut && (endsHere || openers.some((opener) => endsWithin(text, next, opener)))) {
      return noCall('cut_off', 'the call is not closed and the text was cut', text.length);
    }
    if (endsHere) return block(text.length);
    if (openers.some((opener) => text.startsWith(opener, next))) return block(next);
    return noCall('malformed', `the call is followed by neither ${closer} nor the end`, at);
  }
  return block(end);
}

/**
 * Where a broken call ends whose grammar has no closer: before the next opener that follows a closing
 * bracket, else with the text. An opener that stands inside a string of it, quoted, is passed over.
 */
export function afterBroken(
  { text, find }: Reading,
  from: number,
  openers: readonly string[],
): number {
  for (let position = from; ; ) {
    const next = Math.min(...openers.map((opener) => find(opener, position)));
    if (next === Number.POSITIVE_INFINITY) return text.length;
    let before = next - 1;
    while (before >= position && ' \n\r\t'.includes(text[before] as string)) before -= 1;
    if (before >= position && (text[before] === '}' || text[before] === ']')) return next;
    position = next + 1;
  }
}
