import type { Client, Transport } from '@connectrpc/connect';
import { BatchService, ConsumerMode } from '../../gen/lachesis/v1/batch_service_pb.ts';
import { Codec } from '../../gen/lachesis/v1/tokens_pb.ts';
import { msFromDuration } from '../contract/index.ts';
import { createRpcClient } from '../transport/index.ts';
import { BatchConsumer } from './batch-consumer.ts';
import { type CallOptions, toConnect } from './call-options.ts';
import { Reconnector } from './reconnect.ts';

/** Who takes batches. */
export interface ConsumerOptions extends CallOptions {
  readonly runId: string;
  /** The same for all ranks of a trainer. Default: `trainer`. */
  readonly consumerId?: string;
  /** From 0. Default: 0. */
  readonly rank?: number;
  /** Default: 1. */
  readonly worldSize?: number;
  /** Whether each batch goes to one consumer or to every one. Default: compete. */
  readonly mode?: 'compete' | 'fan_out';
  /** Join again as a consumer that was taken out of the run (`CONSUMER_UNREGISTERED`). Default: false. */
  readonly rejoin?: boolean;
  /** Whether leases of batches that were not given back are kept. Default: true. */
  readonly keepLeases?: boolean;
}

/** For trainers: batches in, policy versions out. */
export class BatchClient {
  readonly #control: Client<typeof BatchService>;
  readonly #bulk: Client<typeof BatchService>;
  readonly #reconnect: Reconnector;

  /** Batches come over `bulk`, so that calls on `control` do not wait behind them. */
  constructor(
    control: Transport,
    bulk: Transport = control,
    reconnect: Reconnector = new Reconnector(false),
  ) {
    this.#control = createRpcClient(BatchService, control);
    this.#bulk = createRpcClient(BatchService, bulk);
    this.#reconnect = reconnect;
  }

  /** Registers a consumer; dispose of it when done. */
  async register(options: ConsumerOptions): Promise<BatchConsumer> {
    const { runId, consumerId = 'trainer', rank = 0, worldSize = 1 } = options;
    const mode = options.mode === 'fan_out' ? ConsumerMode.FAN_OUT : ConsumerMode.COMPETE;
    const request = {
      ...{ runId, consumerId, rank, worldSize, mode },
      codecs: [Codec.RAW, Codec.ZSTD],
    };
    const { rejoin = false } = options;
    const register = (call: CallOptions) =>
      this.#control.registerConsumer(request, toConnect(call));
    const response = await this.#reconnect.call(
      (call) => this.#control.registerConsumer({ ...request, rejoin }, toConnect(call)),
      options,
    );
    return new BatchConsumer(
      { control: this.#control, bulk: this.#bulk, reconnect: this.#reconnect, register },
      {
        runId,
        consumerId,
        rank,
        keepLeases: options.keepLeases ?? true,
        step: Number(response.step),
        policyVersion: Number(response.policyVersion),
        consumerStep: Number(response.consumerStep),
        committedStep:
          response.committedStep === undefined ? undefined : Number(response.committedStep),
        leaseMs: msFromDuration(response.leaseDuration),
      },
    );
  }

  /**
   * Takes a consumer out of a run: one that is gone for good, or that has enough. What it holds is free, and
   * nothing waits for it or is kept for it any more. Idempotent.
   */
  async unregister(
    runId: string,
    consumerId: string,
    options?: CallOptions,
  ): Promise<{ readonly existed: boolean; readonly releasedBatches: number }> {
    const { existed, releasedBatches } = await this.#reconnect.call(
      (call) => this.#control.unregisterConsumer({ runId, consumerId }, toConnect(call)),
      options,
    );
    return { existed, releasedBatches: Number(releasedBatches) };
  }

  /** Announces a policy version: higher than the last, or the same again. */
  async publishPolicyVersion(
    runId: string,
    version: number,
    options?: CallOptions,
  ): Promise<number> {
    const request = { runId, policyVersion: BigInt(version) };
    const response = await this.#reconnect.call(
      (call) => this.#control.publishPolicyVersion(request, toConnect(call)),
      options,
    );
    return Number(response.policyVersion);
  }

  /** The version at once and at every change; survives reconnects. */
  async *watchPolicyVersion(
    runId: string,
    options: CallOptions = {},
  ): AsyncGenerator<number, void, void> {
    let last: bigint | undefined;
    const versions = this.#reconnect.stream(
      (_, signal) => this.#control.watchPolicyVersion({ runId }, { ...toConnect(options), signal }),
      { cursorOf: () => undefined, signal: options.signal },
    );
    for await (const { policyVersion } of versions) {
      if (policyVersion !== last) yield Number(policyVersion);
      last = policyVersion;
    }
  }
}
