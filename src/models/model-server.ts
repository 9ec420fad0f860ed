import type { AssistantMessage, Message, SamplingParameters, ToolDefinition } from '../messages.ts';
import type { ParserDiagnostic } from '../parsers/index.ts';
import type { JudgedCall, RenderingFingerprint, Segment } from '../tokens/index.ts';
import type { Engine, EngineDescription } from './engine.ts';

/** What an agent loop talks to. *Direct*: any OpenAI-compatible API. *Managed*: exact ids, masks, logprobs. */
export interface ModelServer {
  readonly kind: 'direct' | 'managed';
  /** The model's name, for provenance. */
  readonly model: string;
  /** On a managed server: the same model, rendered the same, over another engine. */
  readonly managed?: {
    readonly describe: (options: { readonly signal: AbortSignal }) => Promise<EngineDescription>;
    readonly over: (engine: Engine) => ModelServer;
  };
  /** One per rollout; sessions share nothing. */
  openSession(options: SessionOptions): ModelSession;
  close(): Promise<void>;
}

export interface SessionOptions {
  readonly rolloutId: string;
  /** The run that it is played for, so that engines tell its calls from another run's of the same id. Default: none. */
  readonly runId?: string;
  /** The policy version that the trainer has announced, asked at every call. */
  readonly announcedVersion: () => number;
}

export interface CompletionRequest {
  /** The prompt view; the session finds what is new in it. */
  readonly messages: readonly Message[];
  /** Index in the transcript of each message of the view; absent: the view is the transcript. */
  readonly transcriptIndexes?: readonly number[];
  readonly tools: readonly ToolDefinition[];
  readonly toolChoice?: 'auto' | 'none' | 'required';
  readonly sampling: SamplingParameters;
  /** What the caller knows of where this call stands; what it leaves out is inferred from the messages. */
  readonly lineage?: CallLineage;
}

/** Where a call stands among those of its rollout, as whoever makes it says. */
export interface CallLineage {
  /** Of this call. Asked again under the same id, it is not made again: its reply is handed out once more. */
  readonly callId?: string;
  /**
   * The call whose conversation this one goes on from. One of another agent's: it was made from there, and
   * begins a conversation of its own.
   */
  readonly parentCallId?: string;
  /** Which agent calls; empty for the main one. Agents share no conversation. */
  readonly agent?: string;
  /** `act` (the default) is the agent's own word; tokens of any other purpose are not for training. */
  readonly purpose?: string;
}

/** One model call of a rollout, as its session saw it. */
export interface ModelCall extends Required<CallLineage>, JudgedCall {
  /** Its place in call order, from 0: the `callIndex` of the spans that it sampled. */
  readonly index: number;
  /** The policy version that was announced when it was made. */
  readonly announcedVersion: number;
  /** As the engine replied; 0 when it did not. */
  readonly sampledTokens: number;
  /** The engine's own: `stop`, `length`, `abort`; empty when it gave none. */
  readonly finishReason: string;
  /** Nobody was given its reply. */
  readonly failed: boolean;
}

export interface Completion {
  readonly message: AssistantMessage;
  /** `stop`, `length`, `tool_calls`, `abort`, or the server's own word. */
  readonly finishReason: string;
  /** Absent is unknown, which is not 0. */
  readonly promptTokens?: number;
  readonly completionTokens?: number;
  /** Of this call, for the calls that name it as their parent; absent where the session keeps no calls. */
  readonly callId?: string;
  /** What looked like a tool call and is none; absent for nothing. */
  readonly callDiagnostics?: readonly ParserDiagnostic[];
}

export interface ModelSession {
  /**
   * One model call. Rejects with a typed `model_error` or `infrastructure_error`. When `signal` fires
   * during sampling, what was sampled by then is kept in the record and the signal's reason is thrown.
   */
  complete(
    request: CompletionRequest,
    options: { readonly signal: AbortSignal },
  ): Promise<Completion>;
  /**
   * Tokens of the prompt that these would make, generation prompt included, by the model's own tokenizer;
   * absent where that isn't known. May throw for content the model can't be given.
   */
  countTokens?(messages: readonly Message[], tools: readonly ToolDefinition[]): number;
  /** What the session holds so far; callable at any time, also after a failure. */
  record(): SessionRecord;
}

export interface SessionRecord {
  /**
   * In order of creation; empty for a direct server. Sampled spans are `trained` until a policy says
   * otherwise, and `abandoned_retry` where the call failed after it had sampled them.
   */
  readonly segments: readonly Segment[];
  /** Tokens that the engine produced, from the engine's own replies; undefined for a direct server. */
  readonly sampledTokens: number | undefined;
  readonly modelCalls: number;
  /** In call order; empty for a direct server. */
  readonly calls: readonly ModelCall[];
  readonly rendering: RenderingFingerprint | undefined;
  readonly logprobMode: 'raw' | 'processed' | 'unknown' | undefined;
}

/** The record of a session that holds no tokens: its model server is a direct one. */
export function directRecord(modelCalls: number): SessionRecord {
  return {
    segments: [],
    sampledTokens: undefined,
    modelCalls,
    calls: [],
    rendering: undefined,
    logprobMode: undefined,
  };
}
