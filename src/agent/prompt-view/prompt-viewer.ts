import type { Message, ToolDefinition } from '../../messages.ts';
import { type SafeViewState, safeView, WHOLE } from './safe-view.ts';
import { seedView } from './seed-view.ts';
import type { PromptView, PromptViewProfile, TokenCounter } from './view.ts';

export interface PromptViewOptions {
  readonly contextTokens: number;
  readonly profile: PromptViewProfile;
  readonly counter: TokenCounter;
  /** Of the profile `safe`: what the head says when messages are left out; empty for nothing. */
  readonly note: string;
}

/** One rollout's prompt views, one after another, with what they have left out so far. */
export class PromptViewer {
  readonly #options: PromptViewOptions;
  readonly #truncated = new Set<number>();
  #last: PromptView | undefined;
  #state: SafeViewState = WHOLE;

  constructor(options: PromptViewOptions) {
    this.#options = options;
  }

  /** Transcript messages that a prompt held shortened or not at all. */
  get truncated(): number {
    return this.#truncated.size;
  }

  /** The next prompt's view. Throws what the profile throws. */
  next(messages: readonly Message[], tools: readonly ToolDefinition[]): PromptView {
    const view = this.#view(messages, tools);
    const { shortened, dropped } = view;
    // Between cuts they are the very same lists.
    if (shortened !== this.#last?.shortened) for (const at of shortened) this.#truncated.add(at);
    if (dropped !== this.#last?.dropped) for (const at of dropped) this.#truncated.add(at);
    this.#last = view;
    return view;
  }

  #view(messages: readonly Message[], tools: readonly ToolDefinition[]): PromptView {
    const { contextTokens, counter, note, profile } = this.#options;
    if (profile === 'seed') return seedView(messages, contextTokens);
    const { state, ...view } = safeView(
      messages,
      tools,
      { budgetTokens: contextTokens, counter, note },
      this.#state,
    );
    this.#state = state;
    return view;
  }
}
