import type { LachesisError } from '../errors.ts';
import type { SamplingParameters } from '../messages.ts';
import type { RenderingFingerprint } from '../tokens/index.ts';

/** Why an engine stopped sampling. */
export type EngineFinish = 'stop' | 'length' | 'abort';

export interface EngineDescription {
  readonly model: string;
  /** The engine does not say what it serves: `model` is only what it is called here. */
  readonly isUnnamed?: boolean;
  /** Valid ids are below it. */
  readonly vocabularySize: number;
  /** Most tokens of prompt and continuation together; undefined when unknown. */
  readonly contextLength: number | undefined;
  readonly rendering: RenderingFingerprint;
  readonly logprobMode: 'raw' | 'processed' | 'unknown';
  /**
   * Some of several engines give raw logprobs. Sampling is held against that, while `logprobMode` is `unknown`:
   * a record does not say which of them a token came from.
   */
  readonly isPartlyRaw?: boolean;
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
  /** Calls with the same key share a prefix: they go to the same engine, and its router is told. */
  readonly sessionKey?: string;
  /** What the tokens are for; a pool may keep engines apart by it. Default: `train`. */
  readonly purpose?: EnginePurpose;
}

export type EnginePurpose = 'train' | 'evaluation';

/** What an engine sampled. Ids and logprobs are its own, never re-tokenised or guessed. */
export interface EngineGeneration {
  /** The sampled ids, the stop token included where the engine keeps it; -1 where it named none. */
  readonly tokenIds: Int32Array;
  /** One per id, or undefined when the engine gave none. */
  readonly logprobs: Float32Array | undefined;
  readonly finish: EngineFinish;
  /** Tiles `tokenIds`; empty when the engine reports no version. */
  readonly versions: readonly { readonly length: number; readonly version: number }[];
  /** The call broke after these were sampled: they go on record as abandoned, and this is thrown. */
  readonly failure?: LachesisError;
  /**
   * What is wrong with the answer beside its ids: they were sampled, so the call is refused with this, or
   * kept and marked, and they are in the account either way.
   */
  readonly amiss?: LachesisError;
  /** What the engine says that it read; absent where it says nothing. */
  readonly prompt?: EnginePrompt;
  /** The engine's own text of the sampled ids, special tokens spelled out; absent where it gives none. */
  readonly text?: string;
}

export interface EnginePrompt {
  readonly tokens?: number;
  readonly tokenIds?: Int32Array;
}

/**
 * How exact an engine's tokens are. `exact`: ids in, ids and logprobs out. `captured`: the ids that
 * it made of a prompt and sampled come back, so each turn is exact by itself. `text`: no ids.
 */
export type EngineTier = 'exact' | 'captured' | 'text';

/** What can be relied on: declared by an engine's route, or found by a probe. */
export interface EngineCapabilities {
  readonly tier: EngineTier;
  /** The token that ended a turn stands in the ids; undefined when unknown. */
  readonly stopTokenKept: boolean | undefined;
  /** The prompt's ids are taken as they are; undefined when unknown. */
  readonly promptVerbatim: boolean | undefined;
  readonly logprobMode: EngineDescription['logprobMode'];
  readonly canScore: boolean;
  readonly canScoreTopK: boolean;
  readonly versions: 'per_token' | 'per_call' | 'none';
}

/** The likeliest tokens at each position of a sequence but the first. */
export interface TopLogprobs {
  /** Of the ids themselves: one per id but the first. */
  readonly logprobs: Float32Array;
  /** How many the columns below hold for each position. */
  readonly k: number;
  /** Row-major, likeliest first; -1 where there are fewer. */
  readonly topIds: Int32Array;
  /** As `topIds`; -Infinity where there are fewer. */
  readonly topLogprobs: Float32Array;
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
  /** As {@link score}, with the `k` likeliest tokens at each position, for a teacher. */
  scoreTopK?(
    tokenIds: Int32Array,
    options: { readonly k: number; readonly signal: AbortSignal; readonly temperature?: number },
  ): Promise<TopLogprobs>;
  /** `n` continuations of one prompt in one call; absent where the engine has none. */
  generateMany?(
    request: EngineRequest & { readonly n: number },
    options: { readonly signal: AbortSignal },
  ): Promise<readonly EngineGeneration[]>;
  /** Resolves when the engine can take calls; rejects with what is wrong. */
  health?(options: { readonly signal: AbortSignal }): Promise<void>;
  /** The ids that the engine's own tokenizer makes of a text, special tokens in it read as such. */
  tokenize?(text: string, options: { readonly signal: AbortSignal }): Promise<Int32Array>;
  /** What the route allows. Absent: a probe finds it. */
  readonly capabilities?: EngineCapabilities;
  /** A server stands behind it whose version and flags decide what it does: it is to be probed. */
  readonly probed?: boolean;
  /** The engines of a pool. */
  readonly members?: readonly Engine[];
  close(): Promise<void>;
}

/** `n` continuations of one prompt, by the engine's own call where it has one, else by `n` calls at once. */
export async function generateMany(
  engine: Engine,
  request: EngineRequest & { readonly n: number },
  options: { readonly signal: AbortSignal },
): Promise<readonly EngineGeneration[]> {
  if (engine.generateMany !== undefined) return engine.generateMany(request, options);
  const { n, ...one } = request;
  const { seed } = one.sampling;
  return Promise.all(
    Array.from({ length: n }, (_, index) =>
      engine.generate(
        {
          ...one,
          requestId: `${one.requestId}.${index}`,
          // One seed would give the same continuation n times.
          ...(seed !== undefined && { sampling: { ...one.sampling, seed: seed + index } }),
        },
        options,
      ),
    ),
  );
}
