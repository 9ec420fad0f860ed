import type { Message, StopReason } from '../messages.ts';
import type { ParserDiagnostic } from '../parsers/index.ts';

export type { StopReason };

/** A tool error met during a rollout. */
export interface ToolError {
  /** From 1. */
  readonly turn: number;
  readonly toolName: string;
  /** The first 200 characters (code points) of the argument text. */
  readonly arguments: string;
  readonly error: string;
  /** The start of the result that the model was given. */
  readonly toolResult: string;
}

export interface ToolStatistics {
  readonly toolName: string;
  readonly calls: number;
  readonly errors: number;
  readonly durationMs: number;
}

/**
 * The seed's four counters first, then ours. On every path `executedOk + execError = attempted + unknown`;
 * `schemaValid`, `coerced`, `repaired`, `refused`, `timedOut` and `jsonSchemaValid` count among the attempted.
 */
export interface ToolCallMetrics {
  /** Calls of a known tool. */
  readonly attempted: number;
  /** Whose arguments decoded directly to an object (of `terminal`: with a command that isn't blank). */
  readonly schemaValid: number;
  readonly executedOk: number;
  /** Whose result is an error, and calls of unknown tools. */
  readonly execError: number;
  readonly unknown: number;
  readonly coerced: number;
  readonly repaired: number;
  /** Not run: cut off, no JSON, or held back by a hook or a limit. Counted as attempted and execError. */
  readonly refused: number;
  readonly timedOut: number;
  /** Whose arguments satisfy the tool's JSON Schema. */
  readonly jsonSchemaValid: number;
  readonly tools: readonly ToolStatistics[];
}

/** Absent is unknown, which is not 0. */
export interface Usage {
  readonly promptTokens?: number;
  readonly completionTokens?: number;
  readonly modelCalls: number;
  readonly modelRetries: number;
}

/** What a turn's prompt left out of the transcript. */
export interface PromptViewUse {
  /** Of the prompt, as they were counted or estimated before the call. */
  readonly tokens: number;
  /** Results that it held shortened. */
  readonly shortened: number;
  /** Messages that it left out. */
  readonly dropped: number;
  /** Only the `seed` profile sends such a prompt. */
  readonly overBudget: boolean;
}

export interface Turn {
  /** From 1. */
  readonly index: number;
  readonly reasoning?: string;
  readonly finishReason: string;
  readonly promptTokens?: number;
  readonly completionTokens?: number;
  readonly modelDurationMs: number;
  readonly toolDurationMs: number;
  readonly toolCalls: number;
  /** Present where `contextTokens` is set. */
  readonly view?: PromptViewUse;
  /** What looked like a tool call and is none; absent for nothing, and where a direct server parses calls. */
  readonly callDiagnostics?: readonly ParserDiagnostic[];
}

/** How an agent's run of a task ended, apart from its reward. Present on every path, also after a failure. */
export interface AgentResult {
  /** The whole transcript; never cut. */
  readonly messages: readonly Message[];
  readonly stopReason: StopReason;
  readonly stopDetail: string;
  /** The model ended it by answering. */
  readonly finishedNaturally: boolean;
  /** Turns begun, also one whose model call failed; `turns` holds those that got a completion. */
  readonly turnsUsed: number;
  readonly turns: readonly Turn[];
  readonly toolErrors: readonly ToolError[];
  readonly toolCalls: ToolCallMetrics;
  readonly usage: Usage;
  /** Messages that at least one prompt held shortened or not at all. The transcript above holds them whole. */
  readonly messagesTruncated: number;
}
