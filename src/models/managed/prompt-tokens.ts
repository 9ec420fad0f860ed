import type { RenderingFingerprint } from '../../tokens/index.ts';
import type { PromptPlan } from './plan-prompt.ts';
import { Track } from './track.ts';

/** The ids of a planned prompt, in a buffer of their own. */
export function promptTokenIds(plan: PromptPlan): Int32Array {
  const base = baseOf(plan);
  const ids = new Int32Array(
    plan.pieces.reduce((sum, piece) => sum + piece.tokenIds.length, base.length),
  );
  ids.set(base);
  let at = base.length;
  for (const { tokenIds } of plan.pieces) {
    ids.set(tokenIds, at);
    at += tokenIds.length;
  }
  return ids;
}

export interface NewTrack {
  readonly id: string;
  readonly agent: string;
  readonly rendering: RenderingFingerprint;
  readonly toolsKey: string;
  /** From an index in the messages that were given to one in the transcript. */
  readonly transcriptIndex: (index: number) => number;
}

/**
 * The same prompt as a segment of its own: its track has grown since the plan was made, by a call that
 * was under way at the same time.
 */
export function asBranch(plan: PromptPlan): PromptPlan {
  if (plan.kind === 'begin') return plan;
  const { track, tokens, held, added, pieces } = plan;
  return {
    kind: 'begin',
    reason: 'branch',
    detail: `went on from ${track.builder.id} at the same time as another call`,
    parent: { segment: track.builder.build(), sharedTokens: tokens },
    pieces,
    messages: [...track.messages.slice(0, held), ...added],
  };
}

/** Writes a planned prompt into its track, a new one where the plan begins a segment. */
export function writePrompt(plan: PromptPlan, options: NewTrack): Track {
  const track = plan.kind === 'extend' ? plan.track : beginTrack(plan, options);
  for (const { tokenIds, origin, messageIndex } of plan.pieces) {
    track.builder.append(tokenIds, {
      origin,
      ...(messageIndex !== undefined && { messageIndex: options.transcriptIndex(messageIndex) }),
    });
  }
  return track;
}

function beginTrack(plan: PromptPlan & { kind: 'begin' }, options: NewTrack): Track {
  const { parent, reason, detail } = plan;
  const { id, agent, rendering, toolsKey } = options;
  const link = parent && {
    parent: { id: parent.segment.id, sharedTokens: parent.sharedTokens },
  };
  const track = new Track(
    { id, agent, reason, reasonDetail: detail, ...link, rendering },
    toolsKey,
  );
  if (parent !== undefined) track.builder.appendPrefixOf(parent.segment, parent.sharedTokens);
  return track;
}

/** The tokens that are there already. */
function baseOf(plan: PromptPlan): Int32Array {
  if (plan.kind === 'extend') return plan.track.builder.ids().subarray(0, plan.tokens);
  const { parent } = plan;
  return parent?.segment.tokenIds.subarray(0, parent.sharedTokens) ?? new Int32Array(0);
}
