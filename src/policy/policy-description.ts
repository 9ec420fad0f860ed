import type { TensorEntry } from './shape.ts';

export interface PolicyDescription {
  readonly name: string;
  readonly version: number;
  readonly parameters: number;
  readonly vocabularySize: number;
  readonly contextTokens: number;
  readonly tokenizerFingerprint: string;
  readonly templateFingerprint: string;
  readonly tensors: readonly TensorEntry[];
  readonly updatesEnabled: boolean;
  readonly paused: boolean;
  readonly activeGenerations: number;
  readonly waitingGenerations: number;
}

/** All parameters as float32 little-endian, and where each tensor lies in them. */
export interface PublishedWeights {
  readonly version: number;
  readonly tensors: readonly TensorEntry[];
  readonly bytes: Uint8Array;
}
