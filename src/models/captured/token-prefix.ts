import type { Segment } from '../../tokens/index.ts';
import { turnEnds } from '../managed/shared-prefix.ts';

export interface TurnPlace {
  readonly start: number;
  readonly end: number;
}

/** How many ids from the start are the same. */
export function commonTokens(a: Int32Array, b: Int32Array): number {
  const length = Math.min(a.length, b.length);
  let at = 0;
  while (at < length && a[at] === b[at]) at += 1;
  return at;
}

/** The first `count` tokens, less those of a sampled turn that is not whole: part of one is not what was said. */
export function wholeTurns(segment: Segment, count: number): number {
  for (const [start, end] of turnEnds(segment)) {
    if (start < count && count < end) return start;
  }
  return count;
}

export function lastTurn(segment: Segment): TurnPlace | undefined {
  const last = [...turnEnds(segment)].at(-1);
  return last && { start: last[0], end: last[1] };
}
