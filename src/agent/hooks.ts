import type { JsonObject, Message } from '../messages.ts';
import type { RolloutSandbox } from '../sandbox/index.ts';
import type { StopReason } from './result.ts';

/** A call that is about to run: its tool is known and its arguments are an object. */
export interface ToolCallToRun {
  readonly id: string;
  readonly name: string;
  /** After normalisation, and after the hooks before this one. */
  readonly arguments: JsonObject;
  /** As the model wrote them. */
  readonly argumentsText: string;
}

export interface ToolCallContext<State = unknown> {
  readonly rolloutId: string;
  /** From 1. */
  readonly turn: number;
  readonly state: State;
  /** The transcript up to the message that makes this call, without it. */
  readonly messages: readonly Message[];
  /** Calls that the model has made before this one, run or not. */
  readonly callsBefore: number;
  /** Those of them that named the same tool. */
  readonly callsOfToolBefore: number;
  readonly signal: AbortSignal;
}

export type ToolCallDecision =
  /** Runs it, with other arguments if some are given. The model's own text stays in the transcript. */
  | { readonly kind: 'run'; readonly arguments?: JsonObject }
  /** Not run; the model is told `message` as the call's error and goes on. Counted as refused. */
  | { readonly kind: 'block'; readonly message: string }
  /** Neither this call nor a later one runs, and the rollout ends, by default as `environment_done`. */
  | {
      readonly kind: 'stop';
      readonly detail: string;
      readonly reason?: Extract<StopReason, 'environment_done' | 'max_tool_calls' | 'max_tokens'>;
    };

/** Asked for each call in call order, before any call of the turn runs. A throw ends the run as `environment_error`. */
export type BeforeToolCall<State = unknown> = (
  call: ToolCallToRun,
  context: ToolCallContext<State>,
) => ToolCallDecision | Promise<ToolCallDecision>;

/** A call that has run, and what it brought. */
export interface ToolCallAnswered extends ToolCallToRun {
  /** What the model is about to be told; after the hooks before this one. */
  readonly result: string;
  /** Whether it is counted as an error, which no hook changes. */
  readonly isError: boolean;
}

/** What a hook knows that is told of results. */
export interface ToolResultContext<State = unknown>
  extends Pick<ToolCallContext<State>, 'rolloutId' | 'turn' | 'state' | 'signal'> {
  /** The rollout's own, if it has one. */
  readonly sandbox: RolloutSandbox;
}

/**
 * Sees the result of each call that ran, as it ends; a text that it gives is told to the model instead.
 * A throw ends the run as `environment_error`.
 */
export type AfterToolCall<State = unknown> = (
  call: ToolCallAnswered,
  context: ToolResultContext<State>,
) => string | undefined | Promise<string | undefined>;

/** What the model is about to be told of one call of a turn, whether it ran or not. */
export interface TurnResult {
  readonly id: string;
  readonly name: string;
  readonly result: string;
}

/**
 * Sees all results of a turn, in call order, after the hooks of each; as many texts that it gives are told to
 * the model instead. A throw ends the run as `environment_error`.
 */
export type AfterToolCalls<State = unknown> = (
  results: readonly TurnResult[],
  context: ToolResultContext<State>,
) => readonly string[] | undefined | Promise<readonly string[] | undefined>;

export interface AgentHooks<State = unknown> {
  /** In this order; the first that doesn't say `run` decides. */
  readonly beforeToolCall?: readonly BeforeToolCall<State>[];
  /** In this order; each is given the text of the one before. */
  readonly afterToolCall?: readonly AfterToolCall<State>[];
  /** In this order; each is given the texts of the one before. */
  readonly afterToolCalls?: readonly AfterToolCalls<State>[];
}
