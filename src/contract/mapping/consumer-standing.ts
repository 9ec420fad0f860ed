import type { MessageInitShape } from '@bufbuild/protobuf';
import {
  ConsumerMode,
  type ConsumerStandingSchema,
  HoldsBack,
  type ConsumerStanding as Message,
} from '../../../gen/lachesis/v1/batch_service_pb.ts';
import type { ConsumerStanding } from '../../broker/index.ts';
import { countFromInt64, durationFromMs, msFromDuration } from './scalars.ts';

const HOLDS_BACK = { ack: HoldsBack.ACK, commit: HoldsBack.COMMIT } as const;

export function consumerStandingToProto(
  one: ConsumerStanding,
): MessageInitShape<typeof ConsumerStandingSchema> {
  return {
    consumerId: one.consumerId,
    mode: one.mode === 'fan_out' ? ConsumerMode.FAN_OUT : ConsumerMode.COMPETE,
    worldSize: one.worldSize,
    step: BigInt(one.step),
    nextStep: BigInt(one.nextStep),
    ...(one.committedStep !== undefined && { committedStep: BigInt(one.committedStep) }),
    openBatches: BigInt(one.openBatches),
    keptBatches: BigInt(one.keptBatches),
    holdsBack: one.holdsBack === undefined ? HoldsBack.UNSPECIFIED : HOLDS_BACK[one.holdsBack],
    ...(one.oldestMs !== undefined && { oldest: durationFromMs(one.oldestMs) }),
    ...(one.lastSeenMs !== undefined && { lastSeen: durationFromMs(one.lastSeenMs) }),
  };
}

export function consumerStandingFromProto(message: Message, field: string): ConsumerStanding {
  const count = (value: bigint, name: string): number => countFromInt64(value, `${field}.${name}`);
  const { committedStep, oldest, lastSeen } = message;
  return {
    consumerId: message.consumerId,
    mode: message.mode === ConsumerMode.FAN_OUT ? 'fan_out' : 'compete',
    worldSize: message.worldSize,
    step: count(message.step, 'step'),
    nextStep: count(message.nextStep, 'next_step'),
    committedStep: committedStep === undefined ? undefined : count(committedStep, 'committed_step'),
    openBatches: count(message.openBatches, 'open_batches'),
    keptBatches: count(message.keptBatches, 'kept_batches'),
    holdsBack: holdsBackFromProto(message.holdsBack),
    oldestMs: oldest && msFromDuration(oldest),
    lastSeenMs: lastSeen && msFromDuration(lastSeen),
  };
}

/** Of a newer server there may be more. */
function holdsBackFromProto(value: HoldsBack): ConsumerStanding['holdsBack'] {
  switch (value) {
    case HoldsBack.ACK:
      return 'ack';
    case HoldsBack.COMMIT:
      return 'commit';
    default:
      return undefined;
  }
}
