/**
 * The conversation as every room speaks of it. These are plain, immutable values; the wire's
 * `lachesis.v1.Message` is mapped in contract/.
 */

export type ContentPart =
  | { readonly kind: 'text'; readonly text: string }
  | {
      readonly kind: 'image';
      readonly uri: string;
      readonly mediaType: string;
      readonly sha256: string;
    }
  | { readonly kind: 'opaque'; readonly type: string; readonly json: string };

/** A call as the model made it. `argumentsText` is the model's own text, verbatim. */
export interface ToolCall {
  /** Pairs the call with its result; the same in the assistant's and the tool's message. */
  readonly id: string;
  /** As the model wrote it, known or not. */
  readonly name: string;
  readonly argumentsText: string;
  /** The arguments after normalisation; absent until normalised, and when refused. */
  readonly argumentsJson?: string;
}

export interface SystemMessage {
  readonly role: 'system';
  readonly content: readonly ContentPart[];
}

export interface UserMessage {
  readonly role: 'user';
  readonly content: readonly ContentPart[];
}

export interface AssistantMessage {
  readonly role: 'assistant';
  readonly content: readonly ContentPart[];
  /** Reasoning that came apart from the content. */
  readonly reasoning?: string;
  readonly toolCalls: readonly ToolCall[];
}

export interface ToolMessage {
  readonly role: 'tool';
  readonly content: readonly ContentPart[];
  readonly toolCallId: string;
  readonly toolName: string;
}

export type Message = SystemMessage | UserMessage | AssistantMessage | ToolMessage;

/** What the model is told of a tool. */
export interface ToolDefinition {
  readonly name: string;
  readonly description: string;
  /** JSON Schema of the arguments object. */
  readonly parameters: JsonObject;
}

export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

export type JsonObject = { readonly [key: string]: JsonValue };

/** Whether a value that was parsed from JSON is an object: no list and not null. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** How tokens are sampled. What is absent is left to the engine. */
export interface SamplingParameters {
  /** 0 is greedy. */
  readonly temperature?: number;
  readonly topP?: number;
  /** 0 keeps all. */
  readonly topK?: number;
  /** Most tokens of one call. */
  readonly maxTokens?: number;
  readonly stopTokenIds?: readonly number[];
  readonly stop?: readonly string[];
  readonly seed?: number;
  /** Extra request fields, passed on to the engine as they are. */
  readonly extra?: JsonObject;
}

/** Why an agent stopped. */
export type StopReason =
  | 'natural'
  | 'length'
  | 'max_turns'
  | 'model_error'
  | 'empty_response'
  | 'context_overflow'
  | 'cancelled'
  | 'deadline'
  | 'environment_error'
  | 'infrastructure_error'
  | 'environment_done'
  | 'max_tool_calls'
  | 'max_tokens';

/** The text parts of a message, joined. */
export function textOf(message: Message): string {
  return message.content.map((part) => (part.kind === 'text' ? part.text : '')).join('');
}

/** A list of content parts that says `text`; empty text is no part. */
export function textContent(text: string): readonly ContentPart[] {
  return text === '' ? [] : [{ kind: 'text', text }];
}
