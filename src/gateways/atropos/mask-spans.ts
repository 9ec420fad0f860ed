import type { Span } from '../../tokens/index.ts';

/** What a mask says at a position that is not trained. */
export const IGNORED = -100;

/**
 * Spans of a sequence by its mask: what is trained was sampled; of the rest Atropos does not say where
 * it came from, so that up to the first trained token it counts as the prompt.
 */
export function spansOfMask(mask: Int32Array): readonly Span[] {
  const spans: Span[] = [];
  let start = 0;
  for (let at = 1; at <= mask.length; at++) {
    const trained = mask[start] !== IGNORED;
    if (at < mask.length && (mask[at] !== IGNORED) === trained) continue;
    const length = at - start;
    if (trained) spans.push({ length, origin: 'sampled', loss: 'trained' });
    else spans.push({ length, origin: start === 0 ? 'prompt' : 'foreign', loss: 'not_sampled' });
    start = at;
  }
  return spans;
}

/** The mask that spans stand for: the token's id where it is trained. */
export function maskOfSpans(tokens: Int32Array, spans: readonly Span[]): Int32Array {
  const mask = new Int32Array(tokens.length).fill(IGNORED);
  let at = 0;
  for (const { length, loss } of spans) {
    if (loss === 'trained') mask.set(tokens.subarray(at, at + length), at);
    at += length;
  }
  return mask;
}

/** Whether the mask can be made again from its spans: each entry is -100 or the token's id. */
export function isRegular(tokens: Int32Array, mask: Int32Array): boolean {
  return mask.every((value, at) => value === IGNORED || value === tokens[at]);
}
