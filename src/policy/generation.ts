import { invalidInput } from '../errors.ts';
import type { Decoding, FinishReason } from './decoding.ts';
import type { LogprobMode, SampledToken, Sampling } from './sampler.ts';
import { checkSampling } from './sampler.ts';
import { specialId } from './special-tokens.ts';
import { checkTokenIds } from './train-row.ts';

/** Token in, token out. */
export interface GenerateRequest {
  readonly promptIds: Int32Array;
  /** Default 256; never more than what is left of the context. */
  readonly maxTokens?: number;
  /** Default 1; 0 is greedy. */
  readonly temperature?: number;
  /** Default 1: off. */
  readonly topP?: number;
  /** Default 0: off. */
  readonly topK?: number;
  /** Any safe integer; the same seed and weights give the same tokens. Default: drawn by the policy. */
  readonly seed?: number;
  /** Default `<|im_end|>` and `<|endoftext|>`. The stop token is kept in the result. */
  readonly stopTokenIds?: readonly number[];
  /** Default `processed`. */
  readonly logprobMode?: LogprobMode;
  /** Also report this many of the likeliest tokens per position. Default 0. */
  readonly topLogprobs?: number;
  /** Use exactly this version instead of the newest at the moment the response begins. */
  readonly version?: number;
}

export interface Generation {
  readonly ids: Int32Array;
  /** One per id. */
  readonly logprobs: Float32Array;
  readonly finishReason: FinishReason;
  /** The sampled token that ended it, with `stop`. */
  readonly stopTokenId?: number;
  /** The policy version of every token in it. */
  readonly version: number;
  /** The seed used, so that any response can be drawn again. */
  readonly seed: number;
  /** Likeliest first, one list per id; empty unless asked for. */
  readonly topLogprobs: readonly (readonly SampledToken[])[];
}

/** Newly sampled tokens, as they come. */
export interface GenerationSlice {
  readonly ids: Int32Array;
  readonly logprobs: Float32Array;
  readonly version: number;
}

export interface ResolvedRequest {
  readonly promptIds: Int32Array;
  readonly maxTokens: number;
  readonly sampling: Sampling;
  readonly seed: number | undefined;
  readonly stopTokenIds: ReadonlySet<number>;
  readonly topLogprobs: number;
  readonly version: number | undefined;
}

/** Fills in defaults. @throws invalid_input with the field that is wrong. */
export function resolveRequest(
  request: GenerateRequest,
  limits: { readonly vocabularySize: number; readonly contextTokens: number },
): ResolvedRequest {
  const { promptIds, maxTokens = 256, topLogprobs = 0 } = request;
  checkTokenIds('promptIds', promptIds, limits);
  const room = limits.contextTokens - promptIds.length;
  if (room < 1) {
    throw invalidInput(
      'promptIds',
      `${promptIds.length} tokens leave no room in the context of ${limits.contextTokens}.`,
      { reason: 'CONTEXT_OVERFLOW' },
    );
  }
  if (!(Number.isInteger(maxTokens) && maxTokens > 0)) {
    throw invalidInput('maxTokens', `expected a whole number above 0, got ${maxTokens}.`);
  }
  if (!(Number.isInteger(topLogprobs) && topLogprobs >= 0 && topLogprobs <= 20)) {
    throw invalidInput('topLogprobs', `expected 0 to 20, got ${topLogprobs}.`);
  }
  if (request.seed !== undefined && !Number.isSafeInteger(request.seed)) {
    throw invalidInput('seed', `expected a safe integer, got ${request.seed}.`);
  }
  return {
    promptIds,
    maxTokens: Math.min(maxTokens, room),
    sampling: checkSampling({
      temperature: request.temperature ?? 1,
      topP: request.topP ?? 1,
      topK: request.topK ?? 0,
      logprobMode: request.logprobMode ?? 'processed',
    }),
    seed: request.seed,
    stopTokenIds: new Set(request.stopTokenIds ?? defaultStopIds),
    topLogprobs,
    version: request.version,
  };
}

/** The result of a decoding that has finished or was aborted. */
export function toGeneration(decoding: Decoding, version: number, seed: number): Generation {
  const finishReason = decoding.finish ?? 'abort';
  const last = decoding.ids.at(-1);
  return {
    ids: Int32Array.from(decoding.ids),
    logprobs: Float32Array.from(decoding.logprobs),
    finishReason,
    ...(finishReason === 'stop' && last !== undefined ? { stopTokenId: last } : {}),
    version,
    seed,
    topLogprobs: decoding.top,
  };
}

const defaultStopIds = [specialId('<|im_end|>'), specialId('<|endoftext|>')];
