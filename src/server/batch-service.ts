import { create } from '@bufbuild/protobuf';
import type { ConnectRouter } from '@connectrpc/connect';
import {
  AckBatchResponseSchema,
  BatchService,
  CommitStepResponseSchema,
  ConsumerMode,
  ExtendBatchResponseSchema,
  NackBatchResponseSchema,
  type NextBatchRequest,
  NextBatchResponseSchema,
  NoBatchSchema,
  PublishPolicyVersionResponseSchema,
  RegisterConsumerResponseSchema,
  RewindToStepResponseSchema,
  UnregisterConsumerResponseSchema,
  WatchPolicyVersionResponseSchema,
} from '../../gen/lachesis/v1/batch_service_pb.ts';
import { type Batch, type Broker, isPayloadLost, type NextBatch } from '../broker/index.ts';
import {
  assertId,
  consumerStandingToProto,
  countFromInt64,
  durationFromMs,
  msFromDuration,
} from '../contract/index.ts';
import { invalidInput, LachesisError } from '../errors.ts';
import { framesOf, headersOf, manifestFrames } from './batch-frames.ts';
import { assertCodecs, ConsumerCodecs } from './consumer-codecs.ts';

export interface BatchServiceOptions {
  readonly broker: Broker;
  /** Called when something left the queue, so that more can be played. */
  readonly onTaken: (runId: string) => void;
  /** Called when a batch is asked for; disposed of when it was had, or not. */
  readonly onAsked: (runId: string) => Disposable;
}

/** Most ranks of a consumer. */
const MAX_WORLD_SIZE = 65_536;

/** Serves `BatchService` over the broker. */
export function batchService(router: ConnectRouter, options: BatchServiceOptions): void {
  const { broker, onTaken } = options;
  const nextBatch = async (
    { runId, consumerId, rank, wait }: NextBatchRequest,
    { signal, timeoutMs }: { readonly signal: AbortSignal; readonly timeoutMs: number | undefined },
  ): Promise<NextBatch> => {
    using _asking = options.onAsked(runId);
    const waitMs = waitMsOf(wait && msFromDuration(wait), timeoutMs);
    return await broker.nextBatch({ runId, consumerId, rank, waitMs, signal });
  };
  const codecs = new ConsumerCodecs();
  /** What can't be told to who asked is given back, for one who can read it. */
  const readable = async <T>(
    request: NextBatchRequest,
    { id, delivery }: Batch,
    read: () => T,
  ): Promise<T> => {
    try {
      return read();
    } catch (thrown) {
      if (!(thrown instanceof LachesisError)) throw thrown;
      const { runId, consumerId, rank } = request;
      const given = { runId, consumerId, rank, batchId: id, delivery };
      await broker.nackBatch({ ...given, reason: thrown.reason });
      throw thrown;
    }
  };
  router.service(BatchService, {
    registerConsumer: async (request) => {
      const worldSize = request.worldSize === 0 ? 1 : request.worldSize;
      assertId(request.consumerId, 'consumer_id');
      if (worldSize < 1 || worldSize > MAX_WORLD_SIZE) {
        throw invalidInput('world_size', `is ${worldSize}; it must be 1 to ${MAX_WORLD_SIZE}.`);
      }
      if (request.rank < 0 || request.rank >= worldSize) {
        throw invalidInput(
          'rank',
          `is ${request.rank}; it must be below world_size, ${worldSize}.`,
        );
      }
      assertCodecs(request.codecs);
      const { leaseMs, run, step, committedStep } = await broker.registerConsumer({
        runId: request.runId,
        consumerId: request.consumerId,
        worldSize,
        mode: modeOf(request.mode),
        rejoin: request.rejoin,
      });
      codecs.set(request);
      return create(RegisterConsumerResponseSchema, {
        leaseDuration: durationFromMs(leaseMs),
        step: BigInt(run.step),
        policyVersion: BigInt(run.policyVersion),
        consumerStep: BigInt(step),
        ...(committedStep !== undefined && { committedStep: BigInt(committedStep) }),
      });
    },
    unregisterConsumer: async ({ runId, consumerId }) => {
      const { existed, released } = await broker.unregisterConsumer({ runId, consumerId });
      onTaken(runId);
      return create(UnregisterConsumerResponseSchema, {
        existed,
        releasedBatches: BigInt(released),
      });
    },
    nextBatch: async function* (request, { signal, timeoutMs }) {
      const next = await nextBatch(request, { signal, timeoutMs: timeoutMs() });
      if (next.kind === 'none') {
        const { waiting, needed, closed } = next;
        const heldBackBy = next.heldBackBy.map(consumerStandingToProto);
        const counts = { waiting: BigInt(waiting), needed: BigInt(needed) };
        const value = create(NoBatchSchema, { ...counts, closed, heldBackBy });
        yield create(NextBatchResponseSchema, { frame: { case: 'none', value } });
        return;
      }
      const { batch } = next;
      const headers = await headersOf(batch, signal).catch(untilDamaged);
      if (headers === undefined) return;
      const frames = await readable(request, batch, () => {
        codecs.assertReadable(request, headers);
        return manifestFrames(batch, headers, request);
      });
      onTaken(request.runId);
      try {
        yield* framesOf(batch, headers, frames, request, signal);
      } catch (error) {
        untilDamaged(error);
      }
    },
    extendBatch: async (request) => {
      const { leaseMs } = await broker.extendBatch(keyOf(request));
      return create(ExtendBatchResponseSchema, { leaseDuration: durationFromMs(leaseMs) });
    },
    ackBatch: async (request) => {
      const { complete, step } = await broker.ackBatch(keyOf(request));
      onTaken(request.runId);
      return create(AckBatchResponseSchema, { complete, step: BigInt(step) });
    },
    nackBatch: async (request) => {
      await broker.nackBatch({ ...keyOf(request), reason: request.reason });
      return create(NackBatchResponseSchema);
    },
    commitStep: async ({ runId, consumerId, step }) => {
      await broker.commitStep({ runId, consumerId, step: countFromInt64(step, 'step') });
      return create(CommitStepResponseSchema);
    },
    rewindToStep: async ({ runId, consumerId, step }) => {
      const back = { runId, consumerId, step: countFromInt64(step, 'step') };
      const { batches } = await broker.rewindToStep(back);
      return create(RewindToStepResponseSchema, { batches: BigInt(batches) });
    },
    publishPolicyVersion: async ({ runId, policyVersion }) => {
      const published = countFromInt64(policyVersion, 'policy_version');
      const version = await broker.publishPolicyVersion(runId, published);
      onTaken(runId);
      return create(PublishPolicyVersionResponseSchema, { policyVersion: BigInt(version) });
    },
    watchPolicyVersion: async function* ({ runId }, { signal }) {
      for await (const version of broker.watchPolicyVersion(runId, signal)) {
        yield create(WatchPolicyVersionResponseSchema, { policyVersion: BigInt(version) });
      }
    },
  });
}

/**
 * The store lost bytes of the batch since it was checked: its stream ends before its end, and whoever asks
 * again is told by the broker what becomes of it.
 */
function untilDamaged(error: unknown): undefined {
  if (!isPayloadLost(error)) throw error;
}

function modeOf(mode: ConsumerMode): 'compete' | 'fan_out' {
  switch (mode) {
    case ConsumerMode.UNSPECIFIED:
    case ConsumerMode.COMPETE:
      return 'compete';
    case ConsumerMode.FAN_OUT:
      return 'fan_out';
    default:
      throw invalidInput('mode', `${mode} is no mode that this server knows.`);
  }
}

/** A little less than the call's deadline, so that "none" arrives before DEADLINE_EXCEEDED does. */
export function waitMsOf(
  askedMs: number | undefined,
  deadlineMs: number | undefined,
): number | undefined {
  if (deadlineMs === undefined) return askedMs;
  const untilDeadlineMs = Math.max(0, deadlineMs - Math.min(250, deadlineMs / 4));
  return askedMs === undefined ? untilDeadlineMs : Math.min(askedMs, untilDeadlineMs);
}

function keyOf(request: {
  readonly runId: string;
  readonly consumerId: string;
  readonly batchId: string;
  readonly rank: number;
  readonly delivery: number;
}) {
  const { runId, consumerId, batchId, rank, delivery } = request;
  if (delivery < 0) throw invalidInput('delivery', `is ${delivery}; give that of the manifest.`);
  return { runId, consumerId, batchId, rank, delivery };
}
