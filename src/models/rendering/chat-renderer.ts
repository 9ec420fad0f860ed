import type { AssistantMessage, Message, ToolDefinition } from '../../messages.ts';
import type { RenderingFingerprint, SpanOrigin } from '../../tokens/index.ts';

/** A run of rendered ids with one origin. */
export interface RenderedPiece {
  readonly tokenIds: Int32Array;
  readonly origin: Exclude<SpanOrigin, 'sampled'>;
  /** Index in the messages that were given; absent for what belongs to none, such as a generation prompt. */
  readonly messageIndex?: number;
  /** True: the ids came from `sampledIds`, so they are the model's own and not a new tokenisation. */
  readonly verbatim?: boolean;
}

/** The ids that the model sampled for a message, when it is one of its own; they are put back as they were. */
export type SampledIds = (message: AssistantMessage) => Int32Array | undefined;

/** Where a sequence stands before an extension: right after a sampled turn. */
export interface RenderState {
  /** The last token of the sequence. */
  readonly lastTokenId: number;
  /**
   * The messages that the sequence stands for, the sampled turn last. Some templates can append to some
   * histories only; without it they are taken for one that can't be appended to.
   */
  readonly history?: readonly Message[];
}

/**
 * Turns messages into ids for one model. Two laws hold, whatever the messages:
 * a full render of `history + new` is the render of `history`, the sampled ids and
 * `extend(state, new)`; and no text ever yields a token that closes a turn.
 */
export interface ChatRenderer {
  readonly fingerprint: RenderingFingerprint;
  /** Valid ids are below it. */
  readonly vocabularySize: number;
  /** Ids that end an assistant turn. */
  readonly stopTokenIds: readonly number[];
  /** True: the tools stand in the prompt, so other tools are another history. */
  readonly rendersTools: boolean;
  /** The whole prompt, generation prompt included. Throws `invalid_input` for content it has no tokens for. */
  render(
    messages: readonly Message[],
    tools: readonly ToolDefinition[],
    sampledIds?: SampledIds,
  ): RenderedPiece[];
  /**
   * What follows a sampled turn: its close where it was cut off, `newMessages` and the next generation
   * prompt. Undefined when the template would have to rewrite what stands before.
   */
  extend(
    state: RenderState,
    newMessages: readonly Message[],
    tools: readonly ToolDefinition[],
    sampledIds?: SampledIds,
  ): RenderedPiece[] | undefined;
  /** The text of ids, special tokens spelled out. */
  decode(tokenIds: Int32Array): string;
}
