import type { JsonObject, Message, ToolDefinition } from '../messages.ts';
import type { RolloutSandbox } from '../sandbox/index.ts';
import type { AskOptions, ModelAnswer, ModelUse, SubAgentResult } from './model-use.ts';

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
  /** The rollout's own, to ask it something or to run a sub-agent. */
  readonly model: ToolModel;
  /** The rollout's own, where its environment asks for one; the same that its setup and reward see. */
  readonly sandbox: RolloutSandbox;
  /** Fires at the tool's deadline and when the rollout ends. */
  readonly signal: AbortSignal;
}

/** A tool, whatever its arguments' and state's types. */
export interface AnyTool {
  readonly definition: ToolDefinition;
  /** Its own limit for one call; undefined leaves it to the environment. */
  readonly timeoutMs?: number;
  /** Arguments are an object, not yet validated against the schema. */
  // biome-ignore lint/suspicious/noExplicitAny: tools of every state type live in one registry
  execute(args: JsonObject, context: ToolContext<any, any>): Promise<string>;
}

/**
 * The rollout's own model, as a tool may use it. Whatever it samples is in the rollout's segments, calls and
 * ledger; the main agent's transcript and counters do not change. It ends with the tool call: what is still
 * under way then is aborted.
 */
export interface ToolModel {
  /**
   * One model call. A text is a user message. A conversation goes on when the `message` of an earlier answer
   * is handed back among the messages.
   */
  ask(prompt: string | readonly Message[], options?: AskOptions): Promise<ModelAnswer>;
  /** An agent with tools and turns of its own, played to its end. */
  run(options: SubAgentOptions): Promise<SubAgentResult>;
}

export interface SubAgentOptions extends ModelUse {
  /** Its name, at most 64 characters. Agents of one name, also at the same time, do not see each other. */
  readonly agent: string;
  /** The first user message, or the whole opening conversation. */
  readonly prompt: string | readonly Message[];
  /** Goes before the prompt, unless that has a system message. */
  readonly systemPrompt?: string;
  /** They are given the rollout's state and settings. Default: none. */
  readonly tools?: readonly AnyTool[];
  /** Default: as many as the main agent has. */
  readonly maxTurns?: number;
  /** With any but `act` nothing that it says is trained. Default `act`. */
  readonly purpose?: string;
}

/**
 * Answers a tool call with the text that the model is given. Injected into a rollout, it replaces
 * `handleFunctionCall`. A throw becomes a `Tool execution failed` result, counted as an error; only a
 * LachesisError of kind `infrastructure_error` or `environment_error`, and what went wrong with `context.model`,
 * end the rollout, typed so.
 */
export type ToolHandler<State = unknown> = (
  call: ToolInvocation,
  context: ToolContext<State>,
) => Promise<string>;
