import type { Reading } from './reading.ts';

/** Whether what follows a place belongs to the structure; `ends`: the text ends before that is known. */
export type Follows = 'yes' | 'no' | 'ends';

/** How a grammar ends values that it spells without quotes, so that they may hold its own tags. */
export interface ValueTags {
  readonly close: string;
  /** Ends the call, and begins another. */
  readonly callClose: string;
  readonly callOpen: string;
  /** What follows a tag that ends a value, and a tag that ends a call: others are text. */
  readonly afterValue: (at: number) => Follows;
  readonly afterCall: (at: number) => Follows;
  /**
   * Whether a whole call opens with the tag that stands at `at`, and whether one has closed with the
   * tag that ends at `at`: a value may quote those. `from`: what may be looked back to.
   */
  readonly opensCall: (at: number, from: number) => boolean;
  readonly closesCall: (at: number) => boolean;
}

export type ValueEnd =
  /** The value ends at `end`, its tag at `next`. */
  | { readonly kind: 'closed'; readonly end: number; readonly next: number }
  /** Its call ended without an end of the value, and another call begins. */
  | { readonly kind: 'broken'; readonly end: number }
  /** The text ends first. */
  | { readonly kind: 'open' };

/**
 * Finds where the value ends that begins at `from`: at the first closing tag which what has to come
 * next follows, whole calls that the value quotes passed over. Each place is looked at once.
 */
export function valueEnd(
  { finishReason, find }: Reading,
  from: number,
  { close, callClose, callOpen, afterValue, afterCall, opensCall, closesCall }: ValueTags,
): ValueEnd {
  const isFinal = finishReason !== 'length';
  /** Where the call ended if the value's closing tag is missing. */
  let callEnd: number | undefined;
  /** How many calls are open that the value quotes. */
  let depth = 0;
  for (let position = from; ; ) {
    const closeAt = find(close, position);
    const callCloseAt = find(callClose, position);
    const callOpenAt = find(callOpen, position);
    const at = Math.min(closeAt, callCloseAt, callOpenAt);
    if (at === Number.POSITIVE_INFINITY) {
      return callEnd !== undefined && isFinal ? { kind: 'broken', end: callEnd } : { kind: 'open' };
    }
    if (at === closeAt) {
      position = at + close.length;
      const follows = depth > 0 ? 'no' : afterValue(position);
      if (follows === 'yes' || (follows === 'ends' && isFinal)) {
        return { kind: 'closed', end: at, next: position };
      }
    } else if (at === callCloseAt) {
      position = at + callClose.length;
      if (depth === 0 && afterCall(position) !== 'no') callEnd ??= position;
      if (depth > 0 && closesCall(position)) depth -= 1;
    } else {
      position = at + callOpen.length;
      if (callEnd !== undefined) return { kind: 'broken', end: callEnd };
      if (opensCall(at, from)) depth += 1;
    }
  }
}
