import type { Message, ToolDefinition } from '../../messages.ts';
import type { Segment, SegmentReason } from '../../tokens/index.ts';
import type { ChatRenderer, RenderedPiece, SampledIds } from '../rendering/chat-renderer.ts';
import { sharedPrefix } from './shared-prefix.ts';
import type { Track } from './track.ts';

/** How the next prompt comes about. Nothing is changed until the engine has answered. */
export type PromptPlan =
  /** History was only appended to: the pieces go behind the track's tokens. */
  | { readonly kind: 'extend'; readonly track: Track; readonly pieces: readonly RenderedPiece[] }
  /** A new segment: `shared` tokens of its parent, then the pieces from there on. */
  | {
      readonly kind: 'begin';
      readonly reason: SegmentReason;
      readonly detail: string;
      readonly parent: SharedParent | undefined;
      readonly pieces: readonly RenderedPiece[];
      /** What was asked, with the parent's own objects where it holds the same. */
      readonly messages: readonly Message[];
    };

export interface SharedParent {
  readonly segment: Segment;
  readonly sharedTokens: number;
}

export interface PlanInput {
  readonly tracks: readonly Track[];
  readonly renderer: ChatRenderer;
  readonly messages: readonly Message[];
  readonly tools: readonly ToolDefinition[];
  readonly toolsKey: string;
  readonly sampledIds: SampledIds;
}

/** Finds the tokens that already stand for the messages, and renders only what is new where it can. */
export function planPrompt(input: PlanInput): PromptPlan {
  const { renderer, messages, tools, toolsKey, sampledIds } = input;
  if (input.tracks.length === 0) {
    const pieces = renderer.render(messages, tools, sampledIds);
    return { kind: 'begin', reason: 'start', detail: '', parent: undefined, pieces, messages };
  }
  const tracks = input.tracks.filter((track) => track.toolsKey === toolsKey);

  // The latest of several samples, so that each one before it is known to have been sampled again.
  for (const track of tracks.toReversed()) {
    const call = track.callWith(messages);
    if (call === undefined) continue;
    const parent = { segment: track.builder.build(), sharedTokens: call.tokens };
    const detail = `the prompt of ${call.messages} messages was sampled again`;
    const held = track.messages.slice(0, call.messages);
    return { kind: 'begin', reason: 'branch', detail, parent, pieces: [], messages: held };
  }

  const track = deepest(tracks.filter((candidate) => candidate.isPrefixOf(messages)));
  if (track !== undefined) {
    const added = messages.slice(track.messages.length);
    const lastTokenId = track.builder.ids().at(-1) ?? 0;
    const state = { lastTokenId, history: track.messages };
    const pieces = renderer.extend(state, added, tools, sampledIds);
    if (pieces !== undefined) {
      const offset = track.messages.length;
      return { kind: 'extend', track, pieces: pieces.map((piece) => shifted(piece, offset)) };
    }
  }

  const { parent, common } = closest(input.tracks, messages);
  // A copy can equal several turns that were spelled differently; its place says which one it is.
  const aligned = [...parent.messages.slice(0, common), ...messages.slice(common)];
  const pieces = renderer.render(aligned, tools, sampledIds);
  const segment = parent.builder.build();
  const sharedTokens = sharedPrefix(segment, pieces);
  return {
    kind: 'begin',
    reason: track === undefined ? 'history_rewritten' : 'template',
    detail:
      track !== undefined
        ? 'the chat template can’t append these messages'
        : tracks.length === 0
          ? 'the tools changed'
          : `message ${common} differs from the ${parent.messages.length} that ${segment.id} holds`,
    parent: sharedTokens > 0 ? { segment, sharedTokens } : undefined,
    pieces,
    messages: aligned,
  };
}

function deepest(tracks: readonly Track[]): Track | undefined {
  return tracks.reduce<Track | undefined>(
    (best, track) =>
      best === undefined || track.messages.length >= best.messages.length ? track : best,
    undefined,
  );
}

/** The track that has most of the messages, the latest of several. */
function closest(
  tracks: readonly Track[],
  messages: readonly Message[],
): { parent: Track; common: number } {
  let parent = tracks[0]!;
  let common = -1;
  for (const track of tracks) {
    const count = track.commonMessages(messages);
    if (count < common) continue;
    parent = track;
    common = count;
  }
  return { parent, common };
}

/** An extension's pieces count from its first new message. */
function shifted(piece: RenderedPiece, by: number): RenderedPiece {
  return piece.messageIndex === undefined
    ? piece
    : { ...piece, messageIndex: piece.messageIndex + by };
}
