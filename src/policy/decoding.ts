import type { Distribution } from './distribution.ts';
import type { Activations } from './forward.ts';
import { appendToken, predict } from './forward.ts';
import type { Random } from './random.ts';
import type { SampledToken, Sampling } from './sampler.ts';
import { sampleToken, topTokens } from './sampler.ts';
import type { SequenceState } from './sequence-state.ts';
import { createSequenceState } from './sequence-state.ts';
import type { Weights } from './weights.ts';

export type FinishReason = 'stop' | 'length' | 'abort';

export interface DecodingOptions {
  /** Kept for the whole response, so that it never mixes two versions. */
  readonly weights: Weights;
  readonly promptIds: Int32Array;
  readonly sampling: Sampling;
  readonly random: Random;
  readonly maxTokens: number;
  readonly stopTokenIds: ReadonlySet<number>;
  readonly topLogprobs: number;
}

/** One response in the making: a state machine that {@link advance} moves on, a slice at a time. */
export interface Decoding extends DecodingOptions {
  readonly state: SequenceState;
  readonly ids: number[];
  readonly logprobs: number[];
  readonly top: SampledToken[][];
  /** Prompt tokens read so far. */
  prefilled: number;
  finish: FinishReason | undefined;
}

export function createDecoding(options: DecodingOptions): Decoding {
  const capacity = options.promptIds.length + Math.min(options.maxTokens, 64);
  return {
    ...options,
    state: createSequenceState(options.weights.shape, capacity),
    ids: [],
    logprobs: [],
    top: [],
    prefilled: 0,
    finish: undefined,
  };
}

/** Scratch that all responses of one thread can share, since a slice runs without interruption. */
export interface DecodingScratch {
  readonly act: Activations;
  readonly distribution: Distribution;
}

/** Does one slice of work: a stretch of the prompt, or up to `sliceTokens` new tokens. */
export function advance(decoding: Decoding, sliceTokens: number, scratch: DecodingScratch): void {
  const { weights, state, promptIds } = decoding;
  if (decoding.prefilled < promptIds.length) {
    // A prompt token costs about a tenth of a sampled one: no logits, no mixing.
    const end = Math.min(promptIds.length, decoding.prefilled + sliceTokens * 16);
    for (let i = decoding.prefilled; i < end; i++) appendToken(weights, state, promptIds[i]!);
    decoding.prefilled = end;
    if (end < promptIds.length) return;
  }
  for (let n = 0; n < sliceTokens && decoding.finish === undefined; n++) step(decoding, scratch);
}

function step(decoding: Decoding, { act, distribution }: DecodingScratch): void {
  const { weights, state, ids, sampling } = decoding;
  if (ids.length > 0) appendToken(weights, state, ids[ids.length - 1]!);
  predict(weights, state, state.length - 1, act);
  const { id, logprob } = sampleToken(act.logits, sampling, decoding.random, distribution);
  ids.push(id);
  decoding.logprobs.push(logprob);
  if (decoding.topLogprobs > 0) {
    decoding.top.push(topTokens(act.logits, decoding.topLogprobs, distribution));
  }
  if (decoding.stopTokenIds.has(id)) decoding.finish = 'stop';
  else if (ids.length >= decoding.maxTokens) decoding.finish = 'length';
}
