import type { JsonValue } from '../../messages.ts';

/** Names the schema in every line; a reader refuses what it does not know. */
export const ROLLOUT_FILE_SCHEMA = 'lachesis.rollout/1';

/** A message in the shape of the OpenAI chat API, which most tools read. */
export interface FileMessage {
  readonly role: 'system' | 'user' | 'assistant' | 'tool';
  /** Text, or a list of parts where there is more than text. */
  readonly content: string | readonly FilePart[];
  readonly reasoning?: string;
  readonly tool_calls?: readonly {
    readonly id: string;
    readonly type: 'function';
    readonly function: {
      readonly name: string;
      /** The model's own text. */
      readonly arguments: string;
      /** After normalisation; absent when refused. */
      readonly arguments_json?: string;
    };
  }[];
  readonly tool_call_id?: string;
  readonly name?: string;
}

export type FilePart =
  | { readonly type: 'text'; readonly text: string }
  | {
      readonly type: 'image_url';
      readonly image_url: { readonly url: string };
      readonly media_type: string;
      readonly sha256: string;
    }
  | { readonly type: 'opaque'; readonly kind: string; readonly json: string };

export interface FileSegment {
  readonly id: string;
  readonly parent: { readonly id: string; readonly shared_tokens: number } | null;
  readonly reason: string;
  readonly reason_detail: string;
  readonly agent: string;
  readonly token_ids: readonly number[];
  /** One per sampled token with 9 significant digits, which give the same float32 back; or null. */
  readonly logprobs: readonly number[] | null;
  readonly spans: readonly {
    readonly length: number;
    readonly origin: string;
    readonly loss: string;
    readonly message_index?: number;
    readonly call_index?: number;
  }[];
  readonly policy_versions: readonly {
    readonly length: number;
    readonly announced: number;
    readonly reported?: number;
  }[];
  readonly rendering: { readonly tokenizer_sha256: string; readonly template_sha256: string };
  /** Optional dense columns; `data` is base64. */
  readonly columns: readonly {
    readonly name: string;
    readonly type: string;
    readonly axis: string;
    readonly entry_shape: readonly number[];
    readonly data: string;
  }[];
}

/** One line of a rollout file; docs/rollout-file.md describes every field. */
export interface RolloutLine {
  readonly schema: typeof ROLLOUT_FILE_SCHEMA;
  readonly id: string;
  readonly run_id: string;
  readonly group_id: string;
  readonly environment: string;
  readonly task_key: string;
  readonly index: number;
  /** Null when not scored; then `failure` says why. */
  readonly reward: number | null;
  readonly reward_components: readonly {
    readonly name: string;
    readonly value: number;
    readonly weight: number;
  }[];
  /** One per turn, in order; empty where the environment does not say. Older lines lack it. */
  readonly turn_rewards?: readonly {
    readonly message_index: number;
    readonly value: number;
  }[];
  readonly failure: {
    readonly kind: string;
    readonly reason: string;
    readonly message: string;
    readonly remedy?: string;
  } | null;
  readonly messages: readonly FileMessage[];
  /** The agent's result without its messages, fields in snake case. */
  readonly result: { readonly [key: string]: JsonValue };
  readonly segments: readonly FileSegment[];
  readonly ledger: Readonly<Record<string, number>>;
  /** Its model calls, fields in snake case; empty for a direct model server. Older lines lack it. */
  readonly calls?: readonly { readonly [key: string]: JsonValue }[];
  readonly provenance: { readonly [key: string]: JsonValue };
  /** ISO 8601, UTC. */
  readonly start_time: string;
  readonly end_time: string;
  readonly metrics: Readonly<Record<string, number>>;
}
