import type { RenderedPiece } from './chat-renderer.ts';

/** A piece whose message is counted from `by` messages further up; one that comes before them belongs to none. */
export function shiftedPiece(piece: RenderedPiece, by: number): RenderedPiece {
  if (by === 0 || piece.messageIndex === undefined) return piece;
  const { messageIndex, ...rest } = piece;
  return messageIndex + by < 0 ? rest : { ...rest, messageIndex: messageIndex + by };
}
