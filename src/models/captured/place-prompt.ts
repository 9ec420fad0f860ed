import type { Message } from '../../messages.ts';
import type { Segment, SegmentReason, SpanOrigin } from '../../tokens/index.ts';
import { sameMessage } from '../managed/message-identity.ts';
import { isWithoutThinking, type PromptPlan } from '../managed/plan-prompt.ts';
import type { Track } from '../managed/track.ts';
import type { RenderedPiece } from '../rendering/chat-renderer.ts';
import { commonTokens, lastTurn, type TurnPlace, wholeTurns } from './token-prefix.ts';

export interface PlaceInput {
  /** Of the calling agent, or those that hold the call which is said to be the parent. */
  readonly tracks: readonly Track[];
  readonly agent: string;
  /** As the server rendered it. */
  readonly promptTokenIds: Int32Array;
  readonly messages: readonly Message[];
  /** The messages are a view of a longer transcript. */
  readonly isView: boolean;
  readonly toolsKey: string;
  /** How many tokens each track had when the call was made. */
  readonly heldWhenAsked: ReadonlyMap<Track, number>;
}

/**
 * Finds where a prompt belongs that a server rendered: behind the longest of the segments that it begins
 * with, token by token; else in a segment of its own. What the messages say decides only how that is
 * explained. Nothing is tokenised, so tokens that are new have one origin where one is known.
 */
export function placePrompt(input: PlaceInput): PromptPlan {
  const { tracks, agent, promptTokenIds: prompt, messages } = input;
  if (tracks.length === 0) {
    const reason = agent === '' ? 'start' : 'sub_agent';
    const detail = agent === '' ? '' : `the first call of agent ${agent}`;
    return begin(input, { reason, detail, shared: 0 });
  }
  const places = tracks.map((track) => ({
    track,
    common: commonTokens(track.builder.ids(), prompt),
  }));

  const again = places.find(
    ({ track, common }) => common === prompt.length && track.callAfter(common) !== undefined,
  );
  if (again !== undefined) {
    const detail = `the prompt of ${prompt.length} tokens was sampled again`;
    return begin(input, { reason: 'branch', detail, parent: again.track, shared: prompt.length });
  }

  const track = longest(
    places.filter(({ track, common }) => common === track.builder.length),
    messages,
  );
  if (track !== undefined) {
    const tokens = track.builder.length;
    const held = track.messages.length;
    const added = messages.slice(held);
    const pieces = [newPiece(prompt.subarray(tokens), messages, held)];
    return { kind: 'extend', track, tokens, pieces, held, added };
  }
  return beginAnew(input, places);
}

interface Place {
  readonly track: Track;
  /** Tokens from the start that the prompt and the track have in common. */
  readonly common: number;
}

function beginAnew(input: PlaceInput, places: readonly Place[]): PromptPlan {
  const { messages, isView, agent, promptTokenIds: prompt } = input;
  const overtaken = overtakenTrack(input, places);
  if (overtaken !== undefined) {
    const { track, common: shared } = overtaken;
    const detail = `went on from ${track.builder.id} at the same time as another call`;
    return begin(input, { reason: 'branch', detail, parent: track, shared });
  }
  const { track, common } = closest(places, messages);
  const same = track.commonMessages(messages);
  if (same === 0 && !isView && agent === '') {
    const detail = 'shares no message with an earlier conversation';
    return begin(input, { reason: 'sub_agent', detail, shared: 0 });
  }
  const segment = track.builder.build();
  const shared = wholeTurns(segment, common);
  const turn = lastTurn(segment);
  // The last turn is what the last message stands for.
  const index = track.messages.length - 1;
  const [said, sent] = [track.messages[index], messages[index]];
  if (said !== undefined && sent?.role === 'assistant' && turn?.start === shared) {
    const spelled = spelledAgain(prompt, segment, { turn, common });
    if (!isWithoutThinking(sent, said) && !isTail(spelled, segment, turn)) {
      const detail = sameMessage(sent, said)
        ? `the server spells message ${index} otherwise than it was sampled`
        : `message ${index} differs from what was sampled`;
      const pieces = [
        { tokenIds: spelled, origin: 'foreign', messageIndex: index } as const,
        newPiece(prompt.subarray(shared + spelled.length), messages, index + 1),
      ];
      const why = { reason: 'history_rewritten', detail, parent: track, shared } as const;
      return { ...begin(input, why, pieces), respelled: index };
    }
  }
  return begin(input, { ...explained(input, track, same), parent: track, shared });
}

/** A track that the prompt went on from as it stood when it was asked, and that another call has grown since. */
function overtakenTrack(
  { heldWhenAsked, messages }: PlaceInput,
  places: readonly Place[],
): Place | undefined {
  const then = places.flatMap(({ track, common }) => {
    const held = heldWhenAsked.get(track);
    return held === undefined ? [] : [{ track, common: Math.min(common, held) }];
  });
  if (then.length === 0) return undefined;
  const place = closest(then, messages);
  return place.common === heldWhenAsked.get(place.track) ? place : undefined;
}

/** Why the prompt does not go on from where the track stands, as far as the messages tell. */
function explained(
  { messages, toolsKey }: PlaceInput,
  track: Track,
  same: number,
): { reason: SegmentReason; detail: string } {
  if (toolsKey !== track.toolsKey) {
    return { reason: 'history_rewritten', detail: 'the tools changed' };
  }
  if (same === track.messages.length) {
    const detail = 'the server renders the same messages otherwise where more follow';
    return { reason: 'template', detail };
  }
  if (isWithoutThinking(messages[same], track.messages[same])) {
    return { reason: 'template', detail: `the thinking of message ${same} was left out` };
  }
  const detail = `message ${same} differs from the ${track.messages.length} that ${track.builder.id} holds`;
  return { reason: 'history_rewritten', detail };
}

function begin(
  { promptTokenIds: prompt, messages }: PlaceInput,
  {
    reason,
    detail,
    parent,
    shared,
  }: { reason: SegmentReason; detail: string; parent?: Track; shared: number },
  pieces?: readonly RenderedPiece[],
): PromptPlan & { readonly kind: 'begin' } {
  const held = parent?.messagesWithin(shared) ?? 0;
  return {
    kind: 'begin',
    reason,
    detail,
    parent:
      parent !== undefined && shared > 0
        ? { segment: parent.builder.build(), sharedTokens: shared }
        : undefined,
    pieces: pieces ?? [newPiece(prompt.subarray(shared), messages, held)],
    messages,
  };
}

/**
 * Tokens of the messages from an index on, with what the template wrote around them. Which token is whose
 * only the server knows: the origin is that of the messages if they are of one kind, else `prompt`.
 */
function newPiece(tokenIds: Int32Array, messages: readonly Message[], from: number): RenderedPiece {
  const added = messages.slice(from);
  const origins = new Set(added.map(({ role }) => ORIGIN_OF[role]));
  const [first = 'template'] = origins;
  const origin = origins.size > 1 ? 'prompt' : first;
  return { tokenIds, origin, ...(added.length === 1 && { messageIndex: from }) };
}

const ORIGIN_OF: Readonly<Record<Message['role'], Exclude<SpanOrigin, 'sampled'>>> = {
  system: 'prompt',
  user: 'prompt',
  tool: 'tool',
  assistant: 'foreign',
};

/**
 * What stands in the prompt for the last turn: up to the token that closed it, looked for from where the
 * two part; all of the rest where it does not come again.
 */
function spelledAgain(
  prompt: Int32Array,
  segment: Segment,
  { turn, common }: { readonly turn: TurnPlace; readonly common: number },
): Int32Array {
  const close = prompt.indexOf(segment.tokenIds[turn.end - 1] as number, common);
  return prompt.subarray(turn.start, close < 0 ? prompt.length : close + 1);
}

/** The turn without its beginning: a template that leaves thinking out, and no other spelling. */
function isTail(spelled: Int32Array, { tokenIds }: Segment, { start, end }: TurnPlace): boolean {
  if (spelled.length === 0 || spelled.length >= end - start) return false;
  return spelled.every((id, at) => id === tokenIds[end - spelled.length + at]);
}

/** The longest; of several with the same ids the one whose answer was taken up, else the latest. */
function longest(places: readonly Place[], messages: readonly Message[]): Track | undefined {
  const isTaken = (track: Track): boolean => track.endsWith(messages[track.messages.length - 1]);
  return places.reduce<Track | undefined>((best, { track }) => {
    if (best === undefined) return track;
    const more = track.builder.length - best.builder.length;
    if (more !== 0) return more > 0 ? track : best;
    return isTaken(best) && !isTaken(track) ? best : track;
  }, undefined);
}

/** The one that has most of the tokens, then of the messages; the latest of several. */
function closest(places: readonly Place[], messages: readonly Message[]): Place {
  return places.reduce((best, place) => {
    const more = place.common - best.common;
    if (more !== 0) return more > 0 ? place : best;
    return place.track.commonMessages(messages) >= best.track.commonMessages(messages)
      ? place
      : best;
  });
}
