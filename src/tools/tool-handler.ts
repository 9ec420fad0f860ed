import type { JsonObject } from '../messages.ts';

/** A call on its way to a tool: normalised, and known to name a tool. */
export interface ToolInvocation {
  readonly callId: string;
  readonly name: string;
  readonly arguments: JsonObject;
  /** The model's own text. */
  readonly argumentsText: string;
}

/** What a tool knows of the rollout that calls it. */
export interface ToolContext<State = unknown, Settings = unknown> {
  readonly rolloutId: string;
  /** From 1. */
  readonly turn: number;
  /** The rollout's own state, made by the environment's `setup`. */
  readonly state: State;
  /** The environment's, resolved. */
  readonly settings: Settings;
  /** Fires at the tool's deadline and when the rollout ends. */
  readonly signal: AbortSignal;
}

/**
 * Answers a tool call with the text that the model is given. Injected into a rollout, it replaces
 * `handleFunctionCall`. A throw becomes a `Tool execution failed` result, counted as an error; only a
 * LachesisError of kind `infrastructure_error` or `environment_error` ends the rollout, typed so.
 */
export type ToolHandler<State = unknown> = (
  call: ToolInvocation,
  context: ToolContext<State>,
) => Promise<string>;
