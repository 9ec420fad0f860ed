import type { AssistantMessage, Message, ToolDefinition } from '../../messages.ts';
import type { Segment, SegmentReason } from '../../tokens/index.ts';
import type { ChatRenderer, RenderedPiece, SampledIds } from '../rendering/chat-renderer.ts';
import { shiftedPiece } from '../rendering/shifted-piece.ts';
import { sameMessage } from './message-identity.ts';
import { afterTokens } from './rendered-pieces.ts';
import { sharedPrefix } from './shared-prefix.ts';
import type { Track } from './track.ts';

/** How the next prompt comes about. Nothing is changed until the engine has answered. */
export type PromptPlan =
  /** History was only appended to: the pieces go behind the track's first `tokens` tokens, which are all. */
  | {
      readonly kind: 'extend';
      readonly track: Track;
      readonly tokens: number;
      readonly pieces: readonly RenderedPiece[];
      /** Messages that the track's tokens stand for, and those that are new. */
      readonly held: number;
      readonly added: readonly Message[];
    }
  /** A new segment: the tokens that it shares with its parent, then the pieces. */
  | {
      readonly kind: 'begin';
      readonly reason: SegmentReason;
      readonly detail: string;
      readonly parent: SharedParent | undefined;
      readonly pieces: readonly RenderedPiece[];
      /** The place of a message that says what was sampled, and that a server wrote in other tokens. */
      readonly respelled?: number;
      /** What was asked, with the parent's own objects where it holds the same. */
      readonly messages: readonly Message[];
    };

export interface SharedParent {
  readonly segment: Segment;
  readonly sharedTokens: number;
}

export interface PlanInput {
  /** Of the calling agent, or those that hold the call which is said to be the parent. */
  readonly tracks: readonly Track[];
  /** The agent that calls; empty for the main one. */
  readonly agent: string;
  readonly renderer: ChatRenderer;
  readonly messages: readonly Message[];
  /** The messages are a view of a longer transcript: its head may be rewritten, and is the same all the same. */
  readonly isView: boolean;
  readonly tools: readonly ToolDefinition[];
  readonly toolsKey: string;
  readonly sampledIds: SampledIds;
}

/** Finds the tokens that already stand for the messages, and renders only what is new where it can. */
export function planPrompt(input: PlanInput): PromptPlan {
  const { renderer, agent, messages, tools, toolsKey, sampledIds } = input;
  if (input.tracks.length === 0) {
    const pieces = renderer.render(messages, tools, sampledIds);
    const reason = agent === '' ? 'start' : 'sub_agent';
    const detail = agent === '' ? '' : `the first call of agent ${agent}`;
    return { kind: 'begin', reason, detail, parent: undefined, pieces, messages };
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

  const track = deepest(
    tracks.filter((candidate) => candidate.isPrefixOf(messages)),
    messages,
  );
  if (track !== undefined) {
    const held = track.messages.length;
    const added = messages.slice(held);
    const tokens = track.builder.length;
    const lastTokenId = track.builder.ids().at(-1) ?? 0;
    const state = { lastTokenId, history: track.messages };
    const pieces = renderer.extend(state, added, tools, sampledIds);
    if (pieces !== undefined) {
      return {
        kind: 'extend',
        track,
        tokens,
        pieces: pieces.map((piece) => shiftedPiece(piece, held)),
        held,
        added,
      };
    }
  }
  return beginAnew(input, { isAppended: track !== undefined, haveTools: tracks.length > 0 });
}

function beginAnew(
  { agent, renderer, messages, isView, tools, sampledIds, ...input }: PlanInput,
  found: { readonly isAppended: boolean; readonly haveTools: boolean },
): PromptPlan {
  const { parent, common } = closest(input.tracks, messages);
  if (common === 0 && !isView && agent === '') {
    const pieces = renderer.render(messages, tools, sampledIds);
    const detail = 'shares no message with an earlier conversation';
    return { kind: 'begin', reason: 'sub_agent', detail, parent: undefined, pieces, messages };
  }
  // A copy can equal several turns that were spelled differently; its place says which one it is.
  const aligned = [...parent.messages.slice(0, common), ...messages.slice(common)];
  const pieces = renderer.render(aligned, tools, sampledIds);
  const segment = parent.builder.build();
  const sharedTokens = sharedPrefix(segment, pieces);
  const isStripped = isWithoutThinking(messages[common], parent.messages[common]);
  return {
    kind: 'begin',
    reason: found.isAppended || isStripped ? 'template' : 'history_rewritten',
    detail: found.isAppended
      ? 'the chat template can’t append these messages'
      : isStripped
        ? `the thinking of message ${common} was left out`
        : !found.haveTools
          ? 'the tools changed'
          : `message ${common} differs from the ${parent.messages.length} that ${segment.id} holds`,
    parent: sharedTokens > 0 ? { segment, sharedTokens } : undefined,
    pieces: afterTokens(pieces, sharedTokens),
    messages: aligned,
  };
}

/** The same answer without its reasoning, as most clients send it back: the agent took it as it was. */
export function isWithoutThinking(
  message: Message | undefined,
  held: Message | undefined,
): boolean {
  if (message?.role !== 'assistant' || held?.role !== 'assistant') return false;
  if (message.reasoning !== undefined || held.reasoning === undefined) return false;
  const { reasoning: _, ...rest } = held;
  return sameMessage(message, rest as AssistantMessage);
}

/** The one that holds most; of several with one text the one whose answer was taken up, else the latest. */
function deepest(tracks: readonly Track[], messages: readonly Message[]): Track | undefined {
  const isTaken = (track: Track): boolean => track.endsWith(messages[track.messages.length - 1]);
  return tracks.reduce<Track | undefined>((best, track) => {
    if (best === undefined) return track;
    const more = track.messages.length - best.messages.length;
    if (more !== 0) return more > 0 ? track : best;
    return isTaken(best) && !isTaken(track) ? best : track;
  }, undefined);
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
