import { type ErrorFields, LachesisError } from '../errors.ts';
import type {
  AssistantMessage,
  Message,
  SamplingParameters,
  StopReason,
  ToolDefinition,
} from '../messages.ts';

/** What any use of the rollout's model may say. */
export interface ModelUse {
  /** On top of the rollout's own. */
  readonly sampling?: SamplingParameters;
  /** Beside the tool's own, which it is always under. */
  readonly signal?: AbortSignal;
}

export interface AskOptions extends ModelUse {
  /** As whom; at most 64 characters. Default: the name of the tool. */
  readonly agent?: string;
  /** Only what is asked in order to `act` is trained. Default `side`. */
  readonly purpose?: string;
  /** What the model is offered; the calls that it makes are the tool's to answer. Default: none. */
  readonly tools?: readonly ToolDefinition[];
}

export interface ModelAnswer {
  /** Without the calls of an answer that was cut off. */
  readonly message: AssistantMessage;
  /** Of the message. */
  readonly text: string;
  /** `length` when it was cut off at its most tokens. */
  readonly finishReason: string;
}

export interface SubAgentResult {
  /** Of its last assistant message; empty when there is none. */
  readonly text: string;
  readonly stopReason: StopReason;
  /** The same in words. */
  readonly stopDetail: string;
  /** Turns begun. */
  readonly turns: number;
  /** Its whole transcript. */
  readonly messages: readonly Message[];
}

/**
 * The rollout's model, or the way to it, failed while a tool used it. What a tool does not catch ends the
 * rollout, typed so: it is not the tool's failure, and not the agent's.
 */
export class ModelFailure extends LachesisError {
  declare readonly kind: 'model_error' | 'infrastructure_error';

  constructor(kind: 'model_error' | 'infrastructure_error', message: string, fields: ErrorFields) {
    super(kind, message, fields);
  }
}
