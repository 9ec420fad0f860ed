import type { Client, Transport } from '@connectrpc/connect';
import {
  type DescribeResponse,
  PolicyService,
  UpdateMode,
} from '../../gen/lachesis/v1/policy_service_pb.ts';
import { samplingToProto } from '../contract/index.ts';
import { LachesisError } from '../errors.ts';
import { createRpcClient } from '../transport/index.ts';
import {
  ChunkAssembler,
  concatBytes,
  decodeFloat32,
  decodeInt32,
  encodeInt32,
  sameDigest,
  sha256,
} from '../wire/index.ts';
import { type CallOptions, toConnect } from './call-options.ts';
import { cutShort } from './cut-short.ts';
import { stepFrames, updateFrames } from './policy-frames.ts';
import type {
  GenerateOptions,
  GenerationPiece,
  TrainingRow,
  TrainStepOptions,
  TrainStepResult,
  Weights,
} from './policy-types.ts';
import { Reconnector } from './reconnect.ts';

const MODES = {
  drain: UpdateMode.DRAIN,
  abort: UpdateMode.ABORT,
  keep: UpdateMode.KEEP,
} as const;

/** What happens to generations under way. */
export type GenerationsMode = keyof typeof MODES;

/**
 * A policy: token ids in, ids and logprobs out, and its training. What reads it, a training step, pausing
 * and resuming go on after a connection that broke. A generation does not, since it would be another one,
 * nor do new weights: whether they came is for the caller to ask.
 */
export class PolicyClient {
  readonly #control: Client<typeof PolicyService>;
  readonly #bulk: Client<typeof PolicyService>;
  readonly #reconnect: Reconnector;

  /** Rows and weights go over `bulk`, so that generations on `control` do not wait behind them. */
  constructor(
    control: Transport,
    bulk: Transport = control,
    reconnect: Reconnector = new Reconnector(false),
  ) {
    this.#control = createRpcClient(PolicyService, control);
    this.#bulk = createRpcClient(PolicyService, bulk);
    this.#reconnect = reconnect;
  }

  async describe(options?: CallOptions): Promise<DescribeResponse> {
    const describe = (call: CallOptions) => this.#control.describe({}, toConnect(call));
    return await this.#reconnect.call(describe, options);
  }

  /** A continuation as it is sampled. Leaving the loop aborts the sampling. */
  async *stream(
    promptTokenIds: Int32Array,
    options: GenerateOptions = {},
  ): AsyncGenerator<GenerationPiece, void, void> {
    const { requestId = '', sampling = {}, logprobMode = '', pinnedVersion } = options;
    const request = {
      requestId,
      promptTokenIds: encodeInt32(promptTokenIds),
      sampling: samplingToProto(sampling),
      logprobMode,
      ...(pinnedVersion !== undefined && { pinnedVersion: BigInt(pinnedVersion) }),
    };
    for await (const piece of this.#control.generate(request, toConnect(options))) {
      yield {
        tokenIds: decodeInt32(piece.tokenIds, 'token_ids'),
        logprobs: decodeFloat32(piece.logprobs, 'logprobs'),
        policyVersion: Number(piece.policyVersion),
        finishReason: piece.finishReason,
      };
    }
  }

  /** A whole continuation. */
  async generate(
    promptTokenIds: Int32Array,
    options: GenerateOptions = {},
  ): Promise<GenerationPiece> {
    const pieces: GenerationPiece[] = [];
    for await (const piece of this.stream(promptTokenIds, options)) pieces.push(piece);
    const last = pieces.at(-1);
    if (last === undefined || last.finishReason === '') {
      throw cutShort('the generation ended without a finish reason.');
    }
    return {
      tokenIds: joined(
        pieces,
        ({ tokenIds }) => tokenIds,
        (bytes) => decodeInt32(bytes, 'token_ids'),
      ),
      logprobs: joined(
        pieces,
        ({ logprobs }) => logprobs,
        (bytes) => decodeFloat32(bytes, 'logprobs'),
      ),
      policyVersion: last.policyVersion,
      finishReason: last.finishReason,
    };
  }

  /** Logprobs of given ids, one per id but the first. */
  async score(
    tokenIds: Int32Array,
    options: CallOptions & { readonly temperature?: number } = {},
  ): Promise<{ readonly logprobs: Float32Array; readonly policyVersion: number }> {
    const { temperature } = options;
    const request = {
      tokenIds: encodeInt32(tokenIds),
      ...(temperature !== undefined && { temperature }),
    };
    const { logprobs, policyVersion } = await this.#reconnect.call(
      (call) => this.#control.score(request, toConnect(call)),
      options,
    );
    return {
      logprobs: decodeFloat32(logprobs, 'logprobs'),
      policyVersion: Number(policyVersion),
    };
  }

  /**
   * One optimiser step on rows. A row of a batch is `{ row: batchRow.row, advantage }`. Rows that can be
   * read again, as those of an array, are sent again over another connection where one breaks: a step id is
   * trained once. Rows of a generator are not.
   */
  async trainStep(
    rows: Iterable<TrainingRow> | AsyncIterable<TrainingRow>,
    options: TrainStepOptions,
  ): Promise<TrainStepResult> {
    const train = (call: CallOptions) =>
      this.#bulk.trainStep(stepFrames(rows, options), toConnect(call));
    const response = isRepeatable(rows)
      ? await this.#reconnect.call(train, options)
      : await train(options);
    return {
      policyVersion: Number(response.policyVersion),
      loss: response.loss,
      gradientNorm: response.gradientNorm,
      maxRatioDeviation: response.maxRatioDeviation,
      meanKl: response.meanKl,
      trainedTokens: Number(response.trainedTokens),
      meanEntropy: response.meanEntropy,
    };
  }

  /** The weights, checked against their digest. */
  async getWeights(options?: CallOptions): Promise<Weights> {
    return await this.#reconnect.call((call) => this.#receiveWeights(call), options);
  }

  /** Replaces the weights; their version must be higher than the present one. */
  async updateWeights(
    weights: Weights,
    options: CallOptions & { readonly mode?: GenerationsMode } = {},
  ): Promise<number> {
    const { mode = 'drain' } = options;
    const frames = updateFrames(weights, MODES[mode]);
    return Number((await this.#bulk.updateWeights(frames, toConnect(options))).policyVersion);
  }

  /** Stops taking generations; returns how many were aborted. */
  async pause(options: CallOptions & { readonly mode?: GenerationsMode } = {}): Promise<number> {
    const { mode = 'drain' } = options;
    const pause = (call: CallOptions) =>
      this.#control.pause({ mode: MODES[mode] }, toConnect(call));
    return (await this.#reconnect.call(pause, options)).aborted;
  }

  /** Takes generations again; returns the version now. */
  async resume(options?: CallOptions): Promise<number> {
    const resume = (call: CallOptions) => this.#control.resume({}, toConnect(call));
    return Number((await this.#reconnect.call(resume, options)).policyVersion);
  }

  async #receiveWeights(options: CallOptions): Promise<Weights> {
    let assembler: ChunkAssembler | undefined;
    let found: Omit<Weights, 'bytes'> | undefined;
    let digest: Uint8Array | undefined;
    for await (const { frame } of this.#bulk.getWeights({}, toConnect(options))) {
      if (frame.case === 'header') {
        const { policyVersion, tensors, totalSize } = frame.value;
        found = { policyVersion: Number(policyVersion), tensors };
        digest = frame.value.digest;
        assembler = new ChunkAssembler(Number(totalSize), 'weights');
      } else if (frame.case === 'data') {
        assembler?.append(frame.value);
      }
    }
    if (found === undefined || assembler === undefined || digest === undefined) {
      throw cutShort('the weights came without a header.');
    }
    const bytes = assembler.bytes();
    if (!sameDigest(sha256(bytes), digest)) throw damagedWeights();
    return { ...found, bytes };
  }
}

/** Not what is gone once it is read, which is its own iterator. */
function isRepeatable(rows: Iterable<unknown> | AsyncIterable<unknown>): boolean {
  return Symbol.iterator in rows && (rows[Symbol.iterator]() as unknown) !== rows;
}

function joined<Column extends Int32Array | Float32Array>(
  pieces: readonly GenerationPiece[],
  columnOf: (piece: GenerationPiece) => Column,
  decode: (bytes: Uint8Array) => Column,
): Column {
  const parts = pieces
    .map(columnOf)
    .map(({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength));
  return decode(concatBytes(parts));
}

function damagedWeights(): LachesisError {
  return new LachesisError('infrastructure_error', 'the weights do not fit their digest.', {
    reason: 'WEIGHTS_DAMAGED',
    remedy: 'Ask for them again; if it persists, the server holds damaged weights.',
  });
}
