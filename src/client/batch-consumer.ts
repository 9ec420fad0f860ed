import type { Client } from '@connectrpc/connect';
import type { BatchService } from '../../gen/lachesis/v1/batch_service_pb.ts';
import { durationFromMs, msFromDuration } from '../contract/index.ts';
import { LachesisError } from '../errors.ts';
import { Batch } from './batch.ts';
import { type CallOptions, toConnect } from './call-options.ts';
import { HeldLeases } from './held-leases.ts';
import { type NoBatch, receiveBatch } from './receive-batch.ts';
import type { Reconnector } from './reconnect.ts';
import { SameBatch } from './same-batch.ts';

export interface NextOptions extends CallOptions {
  /** How long to wait for a batch. Default: until one comes, or the call's deadline. */
  readonly waitMs?: number;
  /** Also the rollouts' transcripts. Default: false. */
  readonly includeRollouts?: boolean;
}

interface ConsumerState {
  readonly runId: string;
  readonly consumerId: string;
  readonly rank: number;
  readonly keepLeases: boolean;
  readonly step: number;
  readonly policyVersion: number;
  readonly consumerStep: number;
  readonly committedStep: number | undefined;
  readonly leaseMs: number;
}

interface ConsumerParts {
  readonly control: Client<typeof BatchService>;
  readonly bulk: Client<typeof BatchService>;
  readonly reconnect: Reconnector;
  /**
   * Once more: a server that restarted knows the consumer, and not what it can decode. Never as one that
   * joins again: who was taken away meanwhile is told.
   */
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
  /** The step that this consumer was done with then, and that it had committed last. */
  readonly consumerStep: number;
  readonly committedStep: number | undefined;
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
    this.consumerStep = state.consumerStep;
    this.committedStep = state.committedStep;
    const { runId, consumerId, rank } = state;
    this.#leases = new HeldLeases({
      leaseMs: state.keepLeases ? state.leaseMs : Infinity,
      extend: async (batchId, delivery, signal) => {
        const request = { runId, consumerId, rank, batchId, delivery };
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
    const { batchId, delivery } = received.manifest;
    const key = { runId, consumerId, rank, batchId, delivery };
    const batch = new Batch(received, {
      ack: async (options) => {
        const { complete, step } = await this.#reconnect.call(
          (call) => this.#control.ackBatch(key, toConnect(call)),
          options,
        );
        this.#leases.release(batchId, delivery);
        return { complete, step: Number(step) };
      },
      nack: async (reason, options) => {
        await this.#reconnect.call(
          (call) => this.#control.nackBatch({ ...key, reason }, toConnect(call)),
          options,
        );
        this.#leases.release(batchId, delivery);
      },
      extend: async (options) => {
        const { leaseDuration } = await this.#reconnect.call(
          (call) => this.#control.extendBatch(key, toConnect(call)),
          options,
        );
        return { leaseMs: msFromDuration(leaseDuration) };
      },
    });
    this.#leases.hold(batchId, delivery);
    return batch;
  }

  /** The next batch; undefined when the run is closed. Rejects with `deadline_exceeded` when `waitMs` passes. */
  async next(options: NextOptions = {}): Promise<Batch | undefined> {
    const next = await this.nextOrNone(options);
    if (next instanceof Batch) return next;
    if (next.closed) return undefined;
    const held = next.heldBackBy.map(({ consumerId }) => consumerId);
    const why = held.length === 0 ? '' : `, and the run waits for ${held.join(', ')} to ack`;
    const message = `no batch in time: ${next.waiting} of ${next.needed} are waiting${why}.`;
    throw new LachesisError('deadline_exceeded', message, {
      reason: 'NO_BATCH',
      ...(held.length > 0 && { metadata: { consumers: held.join(',') } }),
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

  /**
   * Takes this consumer, with all its ranks, out of the run: nothing waits for it or is kept for it any more.
   * One that shall join again registers with `rejoin`.
   */
  async unregister(options?: CallOptions): Promise<{ readonly releasedBatches: number }> {
    const { runId, consumerId } = this;
    const { releasedBatches } = await this.#reconnect.call(
      (call) => this.#control.unregisterConsumer({ runId, consumerId }, toConnect(call)),
      options,
    );
    this.#leases[Symbol.dispose]();
    return { releasedBatches: Number(releasedBatches) };
  }

  /** Batches until the run is closed. Give each back before taking the next. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Batch, void, void> {
    for (let batch = await this.next(); batch !== undefined; batch = await this.next()) yield batch;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#leases[Symbol.dispose]();
  }
}
