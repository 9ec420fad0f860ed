import type { RenderingFingerprint } from '../../tokens/index.ts';
import type { RenderedPiece } from '../rendering/chat-renderer.ts';
import type { PromptPlan } from './plan-prompt.ts';
import { Track } from './track.ts';

/** The ids of a planned prompt, in a buffer of their own. */
export function promptTokenIds(plan: PromptPlan): Int32Array {
  const base = baseOf(plan);
  const rest = plan.kind === 'extend' ? plan.pieces : afterTokens(plan.pieces, base.length);
  const ids = new Int32Array(rest.reduce((sum, piece) => sum + piece.tokenIds.length, base.length));
  ids.set(base);
  let at = base.length;
  for (const { tokenIds } of rest) {
    ids.set(tokenIds, at);
    at += tokenIds.length;
  }
  return ids;
}

export interface NewTrack {
  readonly id: string;
  readonly rendering: RenderingFingerprint;
  readonly toolsKey: string;
  /** From an index in the messages that were given to one in the transcript. */
  readonly transcriptIndex: (index: number) => number;
}

/** Writes a planned prompt into its track, a new one where the plan begins a segment. */
export function writePrompt(plan: PromptPlan, options: NewTrack): Track {
  const track = plan.kind === 'extend' ? plan.track : beginTrack(plan, options);
  const pieces =
    plan.kind === 'extend' ? plan.pieces : afterTokens(plan.pieces, baseOf(plan).length);
  for (const { tokenIds, origin, messageIndex } of pieces) {
    track.builder.append(tokenIds, {
      origin,
      ...(messageIndex !== undefined && { messageIndex: options.transcriptIndex(messageIndex) }),
    });
  }
  return track;
}

function beginTrack(plan: PromptPlan & { kind: 'begin' }, options: NewTrack): Track {
  const { parent, reason, detail } = plan;
  const { id, rendering, toolsKey } = options;
  const link = parent && {
    parent: { id: parent.segment.id, sharedTokens: parent.sharedTokens },
  };
  const track = new Track({ id, reason, reasonDetail: detail, ...link, rendering }, toolsKey);
  if (parent !== undefined) track.builder.appendPrefixOf(parent.segment, parent.sharedTokens);
  return track;
}

/** The tokens that are there already. */
function baseOf(plan: PromptPlan): Int32Array {
  if (plan.kind === 'extend') return plan.track.builder.ids();
  const { parent } = plan;
  return parent?.segment.tokenIds.subarray(0, parent.sharedTokens) ?? new Int32Array(0);
}

/** Pieces without their first `count` tokens; a branch has no pieces at all. */
function afterTokens(pieces: readonly RenderedPiece[], count: number): RenderedPiece[] {
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
