import { create } from '@bufbuild/protobuf';
import {
  type NotScored as NotScoredProto,
  NotScoredSchema,
  type Reward as RewardProto,
  RewardSchema,
  type TurnReward as TurnRewardProto,
  TurnRewardSchema,
} from '../../../gen/lachesis/v1/rollout_pb.ts';
import { invalidInput, LachesisError } from '../../errors.ts';
import type { Outcome, RolloutFailure, TurnReward } from '../rollout.ts';
import { errorDetailToProto, kindOfDetail } from './error-detail.ts';
import { countFromInt32 } from './scalars.ts';

type OutcomeProto =
  | { case: 'reward'; value: RewardProto }
  | { case: 'notScored'; value: NotScoredProto };

export function outcomeToProto(outcome: Outcome): OutcomeProto {
  switch (outcome.kind) {
    case 'scored':
      return {
        case: 'reward',
        value: create(RewardSchema, {
          value: outcome.reward,
          components: outcome.components.map((component) => ({ ...component })),
          turnRewards: turnRewardsToProto(outcome.turnRewards),
        }),
      };
    case 'not_scored':
      return { case: 'notScored', value: notScoredToProto(outcome.failure) };
  }
}

/** Throws for a reward or component that is not finite: that is a failure, and must be said as one. */
export function outcomeFromProto(proto: OutcomeProto, field: string): Outcome {
  if (proto.case === 'notScored') {
    return { kind: 'not_scored', failure: failureFromProto(proto.value) };
  }
  const { value, components, turnRewards } = proto.value;
  assertFiniteNumber(value, `${field}.reward.value`);
  return {
    kind: 'scored',
    reward: value,
    components: components.map((component, i) => {
      const path = `${field}.reward.components[${i}]`;
      assertFiniteNumber(component.value, `${path}.value`);
      assertFiniteNumber(component.weight, `${path}.weight`);
      return { name: component.name, value: component.value, weight: component.weight };
    }),
    ...(turnRewards.length > 0 && {
      turnRewards: turnRewardsFromProto(turnRewards, `${field}.reward.turn_rewards`),
    }),
  };
}

export function turnRewardsToProto(rewards: readonly TurnReward[] = []): TurnRewardProto[] {
  return rewards.map((reward) => create(TurnRewardSchema, { ...reward }));
}

export function turnRewardsFromProto(
  protos: readonly TurnRewardProto[],
  field: string,
): readonly TurnReward[] {
  return protos.map(({ messageIndex, value }, i) => {
    countFromInt32(messageIndex, `${field}[${i}].message_index`);
    assertFiniteNumber(value, `${field}[${i}].value`);
    return { messageIndex, value };
  });
}

export function notScoredToProto(failure: RolloutFailure): NotScoredProto {
  const error = new LachesisError(failure.kind, failure.message, {
    reason: failure.reason,
    ...(failure.remedy === undefined ? {} : { remedy: failure.remedy }),
  });
  return create(NotScoredSchema, { error: errorDetailToProto(error), message: failure.message });
}

export function failureFromProto(proto: NotScoredProto): RolloutFailure {
  const { error, message } = proto;
  if (error === undefined) return { kind: 'internal', reason: 'UNKNOWN', message };
  return {
    kind: kindOfDetail(error),
    reason: error.reason,
    message,
    ...(error.remedy === '' ? {} : { remedy: error.remedy }),
  };
}

/** The failure that a rollout is marked with for whatever was thrown. */
export function failureOf(thrown: LachesisError): RolloutFailure {
  return {
    kind: thrown.kind,
    reason: thrown.reason,
    message: thrown.message,
    ...(thrown.remedy === undefined ? {} : { remedy: thrown.remedy }),
  };
}

function assertFiniteNumber(value: number, field: string): void {
  if (Number.isFinite(value)) return;
  throw invalidInput(field, `is ${value}; a reward must be finite.`, {
    reason: 'NON_FINITE_NUMBER',
    remedy: 'Say what failed in not_scored instead.',
  });
}
