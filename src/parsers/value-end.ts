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
 * next follows. Each place is looked at once.
 */
export function valueEnd(
  { finishReason, find }: Reading,
  from: number,
  { close, callClose, callOpen, afterValue, afterCall }: ValueTags,
): ValueEnd {
  const isFinal = finishReason !== 'length';
  /** Where the call ended if the value's closing tag is missing. */
  let callEnd: number | undefined;
  for (let position = from; ; ) {
    const closeAt = find(close, position);
    const otherAt = find(callEnd === undefined ? callClose : callOpen, position);
    if (closeAt < otherAt) {
      const next = closeAt + close.length;
      const follows = afterValue(next);
      if (follows === 'yes' || (follows === 'ends' && isFinal)) {
        return { kind: 'closed', end: closeAt, next };
      }
      position = next;
    } else if (otherAt === Number.POSITIVE_INFINITY) {
      return callEnd !== undefined && isFinal ? { kind: 'broken', end: callEnd } : { kind: 'open' };
    } else if (callEnd === undefined) {
      position = otherAt + callClose.length;
      if (afterCall(position) !== 'no') callEnd = position;
    } else {
      return { kind: 'broken', end: callEnd };
    }
  }
}
