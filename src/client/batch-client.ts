import type { Client, Transport } from '@connectrpc/connect';
import { BatchService, ConsumerMode } from '../../gen/lachesis/v1/batch_service_pb.ts';
import { Codec } from '../../gen/lachesis/v1/tokens_pb.ts';
import { durationFromMs, msFromDuration } from '../contract/index.ts';
import { LachesisError } from '../errors.ts';
import { createRpcClient } from '../transport/index.ts';
import { Batch } from './batch.ts';
import { type CallOptions, toConnect } from './call-options.ts';
import { HeldLeases } from './held-leases.ts';
import { type NoBatch, receiveBatch } from './receive-batch.ts';
import { Reconnector } from './reconnect.ts';
import { SameBatch } from './same-batch.ts';

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
  /** Whether leases of batches that were not given back are kept. Default: true. */
  readonly keepLeases?: boolean;
}

export interface NextOptions extends CallOptions {
  /** How long to wait for a batch. Default: until one comes, or the call's deadline. */
  readonly waitMs?: number;
  /** Also the rollouts' transcripts. Default: false. */
  readonly includeRollouts?: boolean;
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
    const register = (call: CallOptions) =>
      this.#control.registerConsumer(request, toConnect(call));
    const response = await this.#reconnect.call(register, options);
    return new BatchConsumer(
      { control: this.#control, bulk: this.#bulk, reconnect: this.#reconnect, register },
      {
        runId,
        consumerId,
        rank,
        keepLeases: options.keepLeases ?? true,
        step: Number(response.step),
        policyVersion: Number(response.policyVersion),
        leaseMs: msFromDuration(response.leaseDuration),
      },
    );
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

interface ConsumerState {
  readonly runId: string;
  readonly consumerId: string;
  readonly rank: number;
  readonly keepLeases: boolean;
  readonly step: number;
  readonly policyVersion: number;
  readonly leaseMs: number;
}

interface ConsumerParts {
  readonly control: Client<typeof BatchService>;
  readonly bulk: Client<typeof BatchService>;
  readonly reconnect: Reconnector;
  /** Once more: a server that restarted knows the consumer, and not what it can decode. */
  readonly register: (call: CallOptions) => Promise<unknown>;
}

/** One rank of a registered consumer. Keeps the leases of the batches that it holds until disposed. */
export class BatchConsumer implements AsyncDisposable {
  readonly runId: string;
  readonly consumerId: string;
  readonly rank: number;
  /** The run's step and policy version when it registered. */
  readonly step: number;
  readonly policyVersion: number;
  readonly #control: Client<typeof BatchService>;
  readonly #bulk: Client<typeof BatchService>;
  readonly #reconnect: Reconnector;
  readonly #register: ConsumerParts['register'];
  readonly #leases: HeldLeases;

  constructor(parts: ConsumerParts, state: ConsumerState) {
    this.#control = parts.control;
    this.#bulk = parts.bulk;
    this.#reconnect = parts.reconnect;
    this.#register = parts.register;
    this.runId = state.runId;
    this.consumerId = state.consumerId;
    this.rank = state.rank;
    this.step = state.step;
    this.policyVersion = state.policyVersion;
    const { runId, consumerId, rank } = state;
    this.#leases = new HeldLeases({
      leaseMs: state.keepLeases ? state.leaseMs : Infinity,
      extend: async (batchId, signal) => {
        const request = { runId, consumerId, rank, batchId };
        await this.#reconnect.call(
          (call) => this.#control.extendBatch(request, toConnect(call)),
          // The next is due then.
          { signal, timeoutMs: Math.max(1_000, state.leaseMs / 3) },
        );
      },
    });
  }

  /**
   * The next batch, or that none came in time. The time that a server is away does not count as waiting,
   * and a batch that came in part comes again, the same.
   */
  async nextOrNone(options: NextOptions = {}): Promise<Batch | NoBatch> {
    const { waitMs, includeRollouts = false } = options;
    const { runId, consumerId, rank } = this;
    const same = new SameBatch();
    let leftMs = waitMs;
    const received = await this.#reconnect.call(async (call) => {
      const registerMs = performance.now();
      if (call.number > 0) {
        await this.#register(call);
        call.alive();
      }
      const startMs = performance.now();
      const { timeoutMs = Infinity } = call;
      const rest = timeoutMs === Infinity ? {} : { timeoutMs: timeoutMs - startMs + registerMs };
      const wait = leftMs === undefined ? {} : { wait: durationFromMs(leftMs) };
      try {
        const request = { runId, consumerId, rank, includeRollouts, splitManifest: true, ...wait };
        const frames = this.#bulk.nextBatch(request, toConnect({ ...call, ...rest }));
        return await receiveBatch(frames, rank, (manifest) => same.assert(manifest));
      } finally {
        if (leftMs !== undefined) leftMs = Math.max(0, leftMs - (performance.now() - startMs));
      }
    }, options);
    if (!('manifest' in received)) return received;
    const { batchId } = received.manifest;
    const key = { runId, consumerId, rank, batchId };
    const batch = new Batch(received, {
      ack: async (options) => {
        const { complete, step } = await this.#reconnect.call(
          (call) => this.#control.ackBatch(key, toConnect(call)),
          options,
        );
        this.#leases.release(batchId);
        return { complete, step: Number(step) };
      },
      nack: async (reason, options) => {
        await this.#reconnect.call(
          (call) => this.#control.nackBatch({ ...key, reason }, toConnect(call)),
          options,
        );
        this.#leases.release(batchId);
      },
      extend: async (options) => {
        const { leaseDuration } = await this.#reconnect.call(
          (call) => this.#control.extendBatch(key, toConnect(call)),
          options,
        );
        return { leaseMs: msFromDuration(leaseDuration) };
      },
    });
    this.#leases.hold(batchId);
    return batch;
  }

  /** The next batch; undefined when the run is closed. Rejects with `deadline_exceeded` when `waitMs` passes. */
  async next(options: NextOptions = {}): Promise<Batch | undefined> {
    const next = await this.nextOrNone(options);
    if (next instanceof Batch) return next;
    if (next.closed) return undefined;
    const message = `no batch in time: ${next.waiting} of ${next.needed} are waiting.`;
    throw new LachesisError('deadline_exceeded', message, {
      reason: 'NO_BATCH',
      remedy: 'Wait longer, or see with GetRunStatus what holds it up.',
    });
  }

  /**
   * The checkpoint of a step (of an acked batch) is safe. From the first commit on, {@link rewind} to the
   * last one is always possible.
   */
  async commit(step: number, options?: CallOptions): Promise<void> {
    const { runId, consumerId } = this;
    const request = { runId, consumerId, step: BigInt(step) };
    await this.#reconnect.call(
      (call) => this.#control.commitStep(request, toConnect(call)),
      options,
    );
  }

  /** Back to the checkpoint of a step: the batches after it come again, identical. Returns how many. */
  async rewind(step: number, options?: CallOptions): Promise<number> {
    const { runId, consumerId } = this;
    const request = { runId, consumerId, step: BigInt(step) };
    const { batches } = await this.#reconnect.call(
      (call) => this.#control.rewindToStep(request, toConnect(call)),
      options,
    );
    return Number(batches);
  }

  /** Batches until the run is closed. Give each back before taking the next. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Batch, void, void> {
    for (let batch = await this.next(); batch !== undefined; batch = await this.next()) yield batch;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#leases[Symbol.dispose]();
  }
}
