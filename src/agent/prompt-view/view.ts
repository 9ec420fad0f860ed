import type { Message, ToolDefinition } from '../../messages.ts';

/**
 * `safe`: pairs stay pairs, the head is protected by role, cuts are rare and last. `seed`: the Hermes
 * agent's own rules, also where they are odd, for policies that were trained with them.
 */
export type PromptViewProfile = 'safe' | 'seed';

/** Says how many tokens a prompt's parts have. */
export interface TokenCounter {
  /** What one message adds to a prompt. */
  message(message: Message): number;
  /** What a prompt holds beside its messages: the tools and the generation prompt. */
  fixed(tools: readonly ToolDefinition[]): number;
}

/** What of a transcript goes into a prompt. */
export interface PromptView {
  readonly messages: readonly Message[];
  /** Index in the transcript of each message of the view. */
  readonly transcriptIndexes: readonly number[];
  /** Transcript indexes of results that the view holds shortened. */
  readonly shortened: readonly number[];
  /** Transcript indexes of messages that the view leaves out. */
  readonly dropped: readonly number[];
  readonly tokens: number;
  /** False: nothing more can be left out, and it is over the budget all the same. */
  readonly fits: boolean;
}
