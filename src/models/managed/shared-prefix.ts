import type { Segment } from '../../tokens/index.ts';
import type { RenderedPiece } from '../rendering/chat-renderer.ts';

/**
 * How many tokens a new render has in common with a segment, from the start of both. A token counts
 * only where both sides agree on whether the model sampled it, and a sampled turn only as a whole:
 * the part of a turn is not what the model said.
 */
export function sharedPrefix(segment: Segment, pieces: readonly RenderedPiece[]): number {
  const turns = turnEnds(segment);
  let shared = 0;
  for (const { tokenIds, verbatim = false } of pieces) {
    if (verbatim) {
      if (tokenIds.length === 0) continue;
      const end = shared + tokenIds.length;
      if (turns.get(shared) !== end || !holds(segment, shared, tokenIds)) return shared;
      shared = end;
      continue;
    }
    for (const id of tokenIds) {
      if (turns.has(shared) || segment.tokenIds[shared] !== id) return shared;
      shared += 1;
    }
  }
  return shared;
}

/** Where each sampled turn begins, and where it ends. Spans of one call are one turn. */
export function turnEnds(segment: Segment): Map<number, number> {
  const turns = new Map<number, number>();
  let position = 0;
  for (const { origin, length } of segment.spans) {
    if (origin === 'sampled') turns.set(position, position + length);
    position += length;
  }
  return turns;
}

function holds(segment: Segment, from: number, tokenIds: Int32Array): boolean {
  return tokenIds.every((id, at) => segment.tokenIds[from + at] === id);
}
