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
 * The last of the turns as they were sampled, each with what follows it: from the first one on behind which
 * nothing is rewritten any more.
 */
export function appendTurns(
  messages: readonly Message[],
  turns: readonly VerbatimTurn[],
  { tools, follow }: { readonly tools: readonly ToolDefinition[]; readonly follow: Follow },
): { readonly turns: readonly VerbatimTurn[]; readonly pieces: RenderedPiece[] } {
  // Backwards: nothing before a turn that can't be followed matters any more, and each is tried once.
  const parts: RenderedPiece[][] = [];
  let first = turns.length;
  for (let end = messages.length; first > 0; first--) {
    const { index, ids } = turns[first - 1]!;
    const state = { lastTokenId: ids.at(-1), history: { messages, length: index + 1 } };
    const next = follow(state, messages.slice(index + 1, end), tools);
    if (next === undefined) break;
    parts.push([
      { tokenIds: ids, origin: 'foreign', messageIndex: index, verbatim: true },
      ...next.map((piece) => shiftedPiece(piece, index + 1)),
    ]);
    end = index;
  }
  return { turns: turns.slice(first), pieces: parts.toReversed().flat() };
}
