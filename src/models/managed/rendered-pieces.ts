import type { RenderedPiece } from '../rendering/chat-renderer.ts';

/** Pieces without their first `count` tokens. */
export function afterTokens(pieces: readonly RenderedPiece[], count: number): RenderedPiece[] {
  const rest: RenderedPiece[] = [];
  let position = 0;
  for (const piece of pieces) {
    const skip = Math.min(Math.max(count - position, 0), piece.tokenIds.length);
    position += piece.tokenIds.length;
    if (skip === 0) rest.push(piece);
    else if (skip < piece.tokenIds.length) {
      rest.push({ ...piece, tokenIds: piece.tokenIds.subarray(skip) });
    }
  }
  return rest;
}
