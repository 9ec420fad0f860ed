import type { CompletionRequest } from '../models/index.ts';
import type { ArgumentProfile } from './arguments/index.ts';
import type { AgentHooks } from './hooks.ts';
import type { AgentLimits } from './limits.ts';
import type { PromptViewProfile } from './prompt-view/index.ts';

export interface ModelRetryOptions {
  /** Most retries of one rollout, all its calls and those of its sub-agents together. Default 4. */
  readonly max?: number;
  /** Doubles from `initialMs` (default 500) to `maxMs` (default 10,000), less up to half at random. */
  readonly backoff?: { readonly initialMs?: number; readonly maxMs?: number };
}

/** How an environment wants its agents to play: what of {@link AgentOptions} is the same for every rollout. */
export interface AgentSettings<State = unknown> {
  /** Most model calls that count as a turn. Default 30. */
  readonly maxTurns?: number;
  /**
   * Most tokens of a prompt, its tools included; leave room for the completion. What is older is then
   * shortened or left out of the prompt, never of the transcript. Undefined: prompts are whole.
   */
  readonly contextTokens?: number;
  /** How prompts are kept within `contextTokens`. Default `safe`. */
  readonly promptView?: PromptViewProfile;
  /**
   * What the model is told when the profile `safe` leaves messages out of a prompt, behind the first user
   * message; empty for nothing. Default: that earlier messages are left out.
   */
  readonly droppedNote?: string;
  /** How argument text becomes an object. Default `safe`. */
  readonly argumentProfile?: ArgumentProfile;
  readonly modelRetries?: ModelRetryOptions;
  /** Calls of one turn that run at a time. Default 8; 1 runs them in order. */
  readonly maxParallelToolCalls?: number;
  readonly toolChoice?: NonNullable<CompletionRequest['toolChoice']>;
  readonly hooks?: AgentHooks<State>;
  readonly limits?: AgentLimits;
}
