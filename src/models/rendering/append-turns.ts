import type { Message, ToolDefinition } from '../../messages.ts';
import type { RenderedPiece, SampledIds } from './chat-renderer.ts';
import { shiftedPiece } from './shifted-piece.ts';

/** The first `length` of some messages. */
export interface HistoryEnd {
  readonly messages: readonly Message[];
  readonly length: number;
}

/** What follows a turn of the model; undefined when it can't simply follow. */
export type Follow = (
  state: { readonly lastTokenId: number | undefined; readonly history: HistoryEnd | undefined },
  newMessages: readonly Message[],
  tools: readonly ToolDefinition[],
) => RenderedPiece[] | undefined;

/** A turn whose ids are put back as they were sampled. */
export interface VerbatimTurn {
  readonly index: number;
  readonly ids: Int32Array;
}

export const notSampled: SampledIds = () => undefined;

export function verbatimTurns(
  messages: readonly Message[],
  sampledIds: SampledIds,
): VerbatimTurn[] {
  return messages.flatMap((message, index) => {
    const ids = message.role === 'assistant' ? sampledIds(message) : undefined;
    return ids === undefined ? [] : [{ index, ids }];
  });
}

/**
 * Sampled turns as they were, from the first on, each with what follows it; `broken` says how many turns
 * there are up to the one that nothing can follow, itself included.
 */
export function appendTurns(
  messages: readonly Message[],
  turns: readonly VerbatimTurn[],
  { tools, follow }: { readonly tools: readonly ToolDefinition[]; readonly follow: Follow },
):
  | { readonly kind: 'whole'; readonly pieces: RenderedPiece[] }
  | { readonly kind: 'broken'; readonly turns: number } {
  const pieces: RenderedPiece[] = [];
  for (const [at, { index, ids }] of turns.entries()) {
    pieces.push({ tokenIds: ids, origin: 'foreign', messageIndex: index, verbatim: true });
    const end = turns[at + 1]?.index ?? messages.length;
    const state = { lastTokenId: ids.at(-1), history: { messages, length: index + 1 } };
    const next = follow(state, messages.slice(index + 1, end), tools);
    if (next === undefined) return { kind: 'broken', turns: at + 1 };
    for (const piece of next) pieces.push(shiftedPiece(piece, index + 1));
  }
  return { kind: 'whole', pieces };
}
