import { errorMessage } from '../errors.ts';
import type { ToolDefinition } from '../messages.ts';
import type { Completion, CompletionRequest } from '../models/index.ts';
import type { AgentConfig } from './options.ts';
import {
  type PromptView,
  PromptViewer,
  type TokenCounter,
  tokenCounter,
} from './prompt-view/index.ts';
import type { PromptViewUse } from './result.ts';
import type { Stop } from './stop.ts';
import type { Transcript } from './transcript.ts';

/** What the model is asked next, or why it isn't. */
export type Prompt =
  | {
      readonly kind: 'prompt';
      readonly request: CompletionRequest;
      readonly view: PromptViewUse | undefined;
    }
  | { readonly kind: 'stop'; readonly stop: Stop };

/** Writes one rollout's requests within the limits of their prompts and of what may be sampled. */
export class PromptWriter<State> {
  readonly #transcript: Transcript;
  readonly #config: AgentConfig<State>;
  readonly #tools: readonly ToolDefinition[];
  #counter: TokenCounter | undefined;
  readonly #viewer: PromptViewer | undefined;
  #lineage: CompletionRequest['lineage'];

  constructor(transcript: Transcript, config: AgentConfig<State>) {
    const { contextTokens, droppedNote: note, promptView: profile } = config;
    this.#transcript = transcript;
    this.#config = config;
    this.#tools = [...config.tools.values()];
    this.#lineage = config.lineage;
    this.#viewer =
      contextTokens === undefined
        ? undefined
        : new PromptViewer({ contextTokens, profile, note, counter: this.#tokens });
  }

  next(): Prompt {
    const { sampling, share, toolChoice } = this.#config;
    const { spent } = share;
    if (spent !== undefined) return { kind: 'stop', stop: spent };
    let view: PromptView | undefined;
    try {
      view = this.#viewer?.next(this.#transcript.messages, this.#tools);
    } catch (error) {
      return { kind: 'stop', stop: { reason: 'environment_error', detail: errorMessage(error) } };
    }
    this.#transcript.messagesTruncated = this.#viewer?.truncated ?? 0;
    if (view !== undefined && !view.fits && this.#config.promptView !== 'seed') {
      return { kind: 'stop', stop: overflow(view, this.#config.contextTokens ?? 0) };
    }
    const request: CompletionRequest = {
      // A copy: a session may keep it, and the transcript goes on growing.
      messages: view?.messages ?? this.#transcript.messages.slice(),
      ...(view === undefined ? {} : { transcriptIndexes: view.transcriptIndexes }),
      tools: this.#tools,
      sampling: share.within(sampling),
      ...(toolChoice === undefined ? {} : { toolChoice }),
      ...(this.#lineage === undefined ? {} : { lineage: this.#lineage }),
    };
    return { kind: 'prompt', request, view: view && useOf(view) };
  }

  /** Counts what was sampled; a stop when the limit cut the completion off. */
  spend({ completionTokens, finishReason, message }: Completion): Stop | undefined {
    const { share } = this.#config;
    if (!share.countsTokens) return undefined;
    share.spendTokens(completionTokens ?? this.#tokens.message(message));
    return finishReason === 'length' ? share.spent : undefined;
  }

  /** The next call goes on from this one, of an agent that says where it stands. */
  goOnFrom({ callId }: Completion): void {
    if (this.#lineage === undefined || callId === undefined) return;
    this.#lineage = { ...this.#lineage, parentCallId: callId };
  }

  /** Made when it is needed: most rollouts count nothing. */
  get #tokens(): TokenCounter {
    this.#counter ??= tokenCounter(this.#config.session);
    return this.#counter;
  }
}

function overflow({ tokens, messages }: PromptView, contextTokens: number): Stop {
  const detail = `The head and the newest turn alone (${messages.length} messages) take ${tokens} tokens; contextTokens is ${contextTokens}.`;
  return { reason: 'context_overflow', detail };
}

function useOf({ tokens, shortened, dropped, fits }: PromptView): PromptViewUse {
  return Object.freeze({
    tokens,
    shortened: shortened.length,
    dropped: dropped.length,
    overBudget: !fits,
  });
}
