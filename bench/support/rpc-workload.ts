import { create } from '@bufbuild/protobuf';
import {
  type GenerateResponse,
  GenerateResponseSchema,
} from '../../gen/lachesis/v1/policy_service_pb.ts';
import { encodeFloat32, encodeInt32 } from '../../src/wire/index.ts';

/** Sent by every client, so that all requests are alike; only our server looks at it. */
export const BENCH_TOKEN = 'a-token-for-benchmarks-only';

export const BENCH_WORKER = 'bench-worker';

/**
 * `unary` is WorkService.HeartbeatWorker, `stream` a PolicyService.Generate that is answered in
 * `messages` pieces of one token each and a last one with the finish reason.
 */
export type RpcWorkload =
  | { readonly kind: 'unary'; readonly concurrency: number }
  | { readonly kind: 'stream'; readonly concurrency: number; readonly messages: number };

export interface DriveOrder {
  readonly address: string;
  readonly workload: RpcWorkload;
  readonly durationMs: number;
}

/** What a client did in one turn. */
export interface Driven {
  readonly calls: number;
  readonly messages: number;
  readonly seconds: number;
  readonly cpuMicros: number;
}

/** One call of each kind; resolves with the number of messages received. */
export interface RpcCaller extends AsyncDisposable {
  unary(): Promise<number>;
  stream(messages: number): Promise<number>;
}

/** What a sampler would hand over for one token. */
export function slice(index: number) {
  return { ids: Int32Array.of(index), logprobs: Float32Array.of(-0.5), version: 3 };
}

/** A piece as our service puts it together, for servers that have no such service. */
export function piece(index: number): GenerateResponse {
  const { ids, logprobs, version } = slice(index);
  return create(GenerateResponseSchema, {
    tokenIds: encodeInt32(ids),
    logprobs: encodeFloat32(logprobs),
    policyVersion: BigInt(version),
  });
}

export function lastPiece(): GenerateResponse {
  return create(GenerateResponseSchema, { policyVersion: 3n, finishReason: 'length' });
}
