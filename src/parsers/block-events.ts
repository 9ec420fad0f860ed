import type { BlockGrammar } from './block-grammar.ts';
import { skipJsonSpace } from './json-scanner.ts';
import type { Reading } from './reading.ts';
import type { ThinkBlock } from './tool-call-parser.ts';

const DEFAULT_THINKING: readonly ThinkBlock[] = [{ open: '<think>', close: '</think>' }];

/** What comes next in a text that may hold calls. */
export type BlockEvent =
  | { readonly kind: 'block'; readonly start: number; readonly opener: string }
  /** `end` is Infinity while it is not closed; `call`: where an opener stands in it, Infinity if none. */
  | {
      readonly kind: 'think';
      readonly start: number;
      readonly end: number;
      readonly call: number;
      readonly close: string;
    }
  /** The end of a think block that was not opened. */
  | { readonly kind: 'think_end'; readonly end: number }
  | { readonly kind: 'end' };

export function thinkBlocks({ thinking }: BlockGrammar): readonly ThinkBlock[] {
  if (thinking === undefined) return DEFAULT_THINKING;
  if (thinking === 'none') return [];
  return 'open' in thinking ? [thinking] : thinking;
}

/** The first event at or after `from`; `isLeading`: a leading opener may stand there, after white space. */
export function firstEvent(
  grammar: BlockGrammar,
  reading: Reading,
  from: number,
  isLeading: boolean,
): BlockEvent {
  const block = firstOpener(grammar, reading, from, isLeading);
  let at = block.start;
  let think: ThinkBlock | undefined;
  let stray: ThinkBlock | undefined;
  for (const each of thinkBlocks(grammar)) {
    const start = reading.find(each.open, from);
    const end = reading.find(each.close, from);
    if (Math.min(start, end) >= at) continue;
    at = Math.min(start, end);
    [think, stray] = start < end ? [each, undefined] : [undefined, each];
  }
  if (stray !== undefined) return { kind: 'think_end', end: at + stray.close.length };
  if (think !== undefined) {
    const { open, close } = think;
    const end = reading.find(close, at + open.length) + close.length;
    return { kind: 'think', start: at, end, call: block.start, close };
  }
  return block.start === Number.POSITIVE_INFINITY ? { kind: 'end' } : block;
}

function firstOpener(
  { openers, leadingOpeners = [] }: BlockGrammar,
  reading: Reading,
  from: number,
  isLeading: boolean,
): { readonly kind: 'block'; readonly start: number; readonly opener: string } {
  let start = Number.POSITIVE_INFINITY;
  let opener = '';
  const take = (each: string, at: number): void => {
    // Of two that begin at one place, the longer one is meant.
    if (at < start || (at === start && each.length > opener.length && at < Infinity)) {
      start = at;
      opener = each;
    }
  };
  for (const each of openers) take(each, reading.find(each, from));
  if (isLeading && leadingOpeners.length > 0) {
    const lead = skipJsonSpace(reading.text, from);
    for (const each of leadingOpeners) if (reading.text.startsWith(each, lead)) take(each, lead);
  }
  return { kind: 'block', start, opener };
}
