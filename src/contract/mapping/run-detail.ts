import type { MessageInitShape } from '@bufbuild/protobuf';
import type { RunStatus, RunStatusSchema } from '../../../gen/lachesis/v1/run_service_pb.ts';
import type {
  EnvironmentFigures,
  HeldBatch,
  RunDetail,
  RunThroughput,
  WorkerHold,
} from '../../broker/index.ts';
import { consumerStandingFromProto, consumerStandingToProto } from './consumer-standing.ts';
import { countFromInt64, durationFromMs, msFromDuration } from './scalars.ts';

type Init = MessageInitShape<typeof RunStatusSchema>;

export function runDetailToProto(detail: RunDetail): Init {
  const { throughput } = detail;
  return {
    shares: detail.shares.first.map((share) => ({
      environment: share.environment,
      waitingGroups: BigInt(share.waitingGroups),
      waitingRows: BigInt(share.waitingRows),
      waitingTokens: BigInt(share.waitingTokens),
      recentGroups: BigInt(share.recentGroups),
      recentRows: BigInt(share.recentRows),
      recentTokens: BigInt(share.recentTokens),
      ...(share.weight !== undefined && { weight: share.weight }),
    })),
    moreShares: BigInt(detail.shares.more),
    recentBatches: detail.recentBatches,
    waitingByStaleness: detail.waitingByStaleness.map(BigInt),
    trainedByStaleness: detail.trainedByStaleness.map(BigInt),
    throughput: {
      window: durationFromMs(throughput.windowMs),
      acceptedGroups: BigInt(throughput.acceptedGroups),
      acceptedRows: BigInt(throughput.acceptedRows),
      acceptedTokens: BigInt(throughput.acceptedTokens),
      trainedGroups: BigInt(throughput.trainedGroups),
      trainedRows: BigInt(throughput.trainedRows),
      trainedTokens: BigInt(throughput.trainedTokens),
    },
    heldBatches: detail.heldBatches.first.map((held) => ({
      step: BigInt(held.step),
      consumerId: held.consumerId,
      fanOut: held.mode === 'fan_out',
      delivery: BigInt(held.delivery),
      worldSize: held.worldSize,
      ackedRanks: held.ackedRanks,
      missingRanks: [...held.missingRanks],
      left: durationFromMs(held.leftMs),
    })),
    moreHeldBatches: BigInt(detail.heldBatches.more),
    consumers: detail.consumers.first.map(consumerStandingToProto),
    moreConsumers: BigInt(detail.consumers.more),
    workers: detail.workers.first.map((hold) => ({
      workerId: hold.workerId,
      assignments: BigInt(hold.assignments),
      oldest: durationFromMs(hold.oldestMs),
    })),
    moreWorkers: BigInt(detail.workers.more),
    deadLetters: BigInt(detail.deadLetters),
    givenUpBatches: BigInt(detail.givenUpBatches),
  };
}

/** Of a server that is older than these fields, all is empty. */
export function runDetailFromProto(status: RunStatus, field: string): RunDetail {
  const count = (value: bigint, name: string): number => countFromInt64(value, `${field}.${name}`);
  const counts = (values: readonly bigint[], name: string): readonly number[] =>
    values.map((value, index) => count(value, `${name}[${index}]`));
  const numbers = <Name extends string>(
    message: Readonly<Record<Name, bigint>>,
    names: readonly Name[],
    path: string,
  ): Readonly<Record<Name, number>> =>
    Object.fromEntries(
      names.map((name) => [name, count(message[name], `${path}.${name}`)]),
    ) as Record<Name, number>;
  return {
    shares: {
      first: status.shares.map(
        (share, index): EnvironmentFigures => ({
          environment: share.environment,
          ...numbers(share, SHARE_COUNTS, `shares[${index}]`),
          weight: share.weight,
        }),
      ),
      more: count(status.moreShares, 'more_shares'),
    },
    recentBatches: status.recentBatches,
    waitingByStaleness: counts(status.waitingByStaleness, 'waiting_by_staleness'),
    trainedByStaleness: counts(status.trainedByStaleness, 'trained_by_staleness'),
    throughput: {
      windowMs: msFromDuration(status.throughput?.window),
      ...(status.throughput === undefined
        ? NO_THROUGHPUT
        : numbers(status.throughput, THROUGHPUT_COUNTS, 'throughput')),
    },
    heldBatches: {
      first: status.heldBatches.map(
        (held, index): HeldBatch => ({
          ...numbers(held, ['step', 'delivery'], `held_batches[${index}]`),
          consumerId: held.consumerId,
          mode: held.fanOut ? 'fan_out' : 'compete',
          worldSize: held.worldSize,
          ackedRanks: held.ackedRanks,
          missingRanks: held.missingRanks,
          leftMs: msFromDuration(held.left),
        }),
      ),
      more: count(status.moreHeldBatches, 'more_held_batches'),
    },
    consumers: {
      first: status.consumers.map((one, index) =>
        consumerStandingFromProto(one, `${field}.consumers[${index}]`),
      ),
      more: count(status.moreConsumers, 'more_consumers'),
    },
    workers: {
      first: status.workers.map(
        (hold, index): WorkerHold => ({
          workerId: hold.workerId,
          ...numbers(hold, ['assignments'], `workers[${index}]`),
          oldestMs: msFromDuration(hold.oldest),
        }),
      ),
      more: count(status.moreWorkers, 'more_workers'),
    },
    deadLetters: count(status.deadLetters, 'dead_letters'),
    givenUpBatches: count(status.givenUpBatches, 'given_up_batches'),
  };
}

const SHARE_COUNTS = [
  'waitingGroups',
  'waitingRows',
  'waitingTokens',
  'recentGroups',
  'recentRows',
  'recentTokens',
] as const;

const NO_THROUGHPUT: Omit<RunThroughput, 'windowMs'> = Object.freeze({
  acceptedGroups: 0,
  acceptedRows: 0,
  acceptedTokens: 0,
  trainedGroups: 0,
  trainedRows: 0,
  trainedTokens: 0,
});

const THROUGHPUT_COUNTS = Object.keys(NO_THROUGHPUT) as (keyof typeof NO_THROUGHPUT)[];
