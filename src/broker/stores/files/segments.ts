import { isSamePayload } from '../payload-ref.ts';
import type { PayloadRef } from '../store.ts';
import type { Citation } from './logged-change.ts';

interface Segment {
  bytes: number;
  payloads: number;
  liveBytes: number;
  /** Appended, and neither cited nor released yet. */
  pending: number;
}

/** What each segment file holds, and what was appended that no record cites yet. No I/O. */
export class Segments {
  readonly #segments = new Map<number, Segment>();
  readonly #pending = new Map<string, Citation>();
  payloads = 0;
  liveBytes = 0;

  get count(): number {
    return this.#segments.size;
  }

  get bytes(): number {
    return this.#segments.values().reduce((sum, { bytes }) => sum + bytes, 0);
  }

  add(number: number, held: Partial<Segment> = {}): void {
    const segment = { bytes: 0, payloads: 0, liveBytes: 0, pending: 0, ...held };
    this.#segments.set(number, segment);
    this.payloads += segment.payloads;
    this.liveBytes += segment.liveBytes;
  }

  setBytes(number: number, bytes: number): void {
    this.#of(number).bytes = bytes;
  }

  forget(number: number): void {
    this.#segments.delete(number);
  }

  appended(citation: Citation): void {
    this.#pending.set(placeOf(citation), citation);
    this.#of(citation.segment).pending += 1;
  }

  pending(ref: PayloadRef): Citation | undefined {
    const found = this.#pending.get(placeOf(ref));
    return found !== undefined && isSamePayload(found, ref) ? found : undefined;
  }

  /** Of a pending one. */
  cite(citation: Citation): void {
    this.dropPending(citation);
    const segment = this.#of(citation.segment);
    segment.payloads += 1;
    segment.liveBytes += citation.length;
    this.payloads += 1;
    this.liveBytes += citation.length;
  }

  dropPending(ref: PayloadRef): void {
    if (this.#pending.delete(placeOf(ref))) this.#of(ref.segment).pending -= 1;
  }

  /** Of a live one. */
  release(ref: PayloadRef): void {
    const segment = this.#of(ref.segment);
    segment.payloads -= 1;
    segment.liveBytes -= ref.length;
    this.payloads -= 1;
    this.liveBytes -= ref.length;
  }

  /** Those that nobody needs: nothing in them lives, and nothing more is written there. */
  dead(active: number): readonly number[] {
    const unused = this.#segments.entries().filter(([number, { payloads, pending }]) => {
      return number !== active && payloads === 0 && pending === 0;
    });
    return [...unused].map(([number]) => number);
  }

  #of(number: number): Segment {
    const segment = this.#segments.get(number);
    if (segment === undefined) throw new RangeError(`segment ${number} is not held`);
    return segment;
  }
}

/** Says the same for the same place, and nothing else. */
export function placeOf({ segment, offset }: Pick<PayloadRef, 'segment' | 'offset'>): string {
  return `${segment}:${offset}`;
}
