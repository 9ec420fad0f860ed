import type { LachesisError } from '../errors.ts';
import type { SamplingParameters } from '../messages.ts';
import type { RenderingFingerprint } from '../tokens/index.ts';

/** Why an engine stopped sampling. */
export type EngineFinish = 'stop' | 'length' | 'abort';

export interface EngineDescription {
  readonly model: string;
  /** Valid ids are below it. */
  readonly vocabularySize: number;
  /** Most tokens of prompt and continuation together; undefined when unknown. */
  readonly contextLength: number | undefined;
  readonly rendering: RenderingFingerprint;
  readonly logprobMode: 'raw' | 'processed' | 'unknown';
  /** The weights' version; undefined when the engine keeps none. */
  readonly policyVersion: number | undefined;
}

export interface EngineRequest {
  /** Chosen by the caller, for the log. */
  readonly requestId: string;
  readonly promptTokenIds: Int32Array;
  readonly sampling: SamplingParameters;
  /** Refuse to sample with any other version. */
  readonly pinnedVersion?: number;
}

/** What an engine sampled. Ids and logprobs are its own, never re-tokenised or guessed. */
export interface EngineGeneration {
  /** The sampled ids, the stop token included where the engine keeps it. */
  readonly tokenIds: Int32Array;
  /** One per id, or undefined when the engine gave none. */
  readonly logprobs: Float32Array | undefined;
  readonly finish: EngineFinish;
  /** Tiles `tokenIds`; empty when the engine reports no version. */
  readonly versions: readonly { readonly length: number; readonly version: number }[];
  /** The call broke after these were sampled: they go on record as abandoned, and this is thrown. */
  readonly failure?: LachesisError;
}

/** An inference engine: token ids in, ids and logprobs out. */
export interface Engine {
  describe(options?: { readonly signal?: AbortSignal }): Promise<EngineDescription>;
  /**
   * Rejects with a `model_error` or `infrastructure_error`. An aborted signal ends the sampling itself:
   * the call resolves with `abort` and what was sampled by then.
   */
  generate(
    request: EngineRequest,
    options: { readonly signal: AbortSignal },
  ): Promise<EngineGeneration>;
  /** Logprobs of all ids but the first, each given those before it; absent where the engine can't. */
  score?(
    tokenIds: Int32Array,
    options: { readonly signal: AbortSignal; readonly temperature?: number },
  ): Promise<Float32Array>;
  close(): Promise<void>;
}
