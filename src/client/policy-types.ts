import type { ColumnType } from '../../gen/lachesis/v1/tokens_pb.ts';
import type { SamplingParameters } from '../messages.ts';
import type { Row } from '../tokens/index.ts';
import type { CallOptions } from './call-options.ts';

/** A piece of a continuation; the last one has the finish reason. */
export interface GenerationPiece {
  readonly tokenIds: Int32Array;
  readonly logprobs: Float32Array;
  readonly policyVersion: number;
  /** `stop`, `length` or `abort`; empty on all but the last. */
  readonly finishReason: string;
}

export interface GenerateOptions extends CallOptions {
  readonly requestId?: string;
  readonly sampling?: SamplingParameters;
  /** Default: processed. */
  readonly logprobMode?: 'raw' | 'processed';
  /** Sample with this version or fail. */
  readonly pinnedVersion?: number;
}

export interface TrainStepOptions extends CallOptions {
  /** Asking twice for the same id trains once. */
  readonly stepId: string;
  /** A loss by name, as DescribeResponse lists them. */
  readonly loss: string;
  readonly lossSettings?: Readonly<Record<string, number>>;
  /** Default: the policy's own. */
  readonly learningRate?: number;
  readonly expectedVersion?: number;
  /** That the rows were sampled at. Default: 1. */
  readonly temperature?: number;
}

/** A row and the advantage of all its trained tokens. */
export interface TrainingRow {
  readonly row: Row;
  readonly advantage: number;
}

/** What a training step did. */
export interface TrainStepResult {
  readonly policyVersion: number;
  readonly loss: number;
  readonly gradientNorm: number;
  /** Largest |ratio - 1| between the policy now and when it sampled. */
  readonly maxRatioDeviation: number;
  readonly meanKl: number;
  readonly trainedTokens: number;
  readonly meanEntropy: number | undefined;
}

export interface Weights {
  readonly policyVersion: number;
  readonly tensors: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    readonly type: ColumnType;
  }[];
  readonly bytes: Uint8Array;
}
