import { create } from '@bufbuild/protobuf';
import {
  FailedRolloutPolicy,
  OverLengthPolicy,
  type Run as RunProto,
  RunSchema,
  type RunSettings as RunSettingsProto,
  RunSettingsSchema,
  type RunStatus as RunStatusProto,
  RunStatusSchema,
} from '../../../gen/lachesis/v1/run_service_pb.ts';
import type { BatchSize, RunSettings, RunState, RunStatus } from '../../broker/index.ts';
import { invalidInput } from '../../errors.ts';
import { admissionFromProto, admissionToProto } from './admission.ts';
import { autoPlayFromProto, autoPlayToProto, MAX_ENVIRONMENTS } from './auto-play.ts';
import { enumTable } from './enum-table.ts';
import { assertId } from './ids.ts';
import { ledgerFromProto, ledgerToProto } from './ledger.ts';
import { runDetailFromProto, runDetailToProto } from './run-detail.ts';
import {
  countFromInt32,
  countFromInt64,
  durationFromMs,
  msFromDuration,
  msFromTimestamp,
  positive,
  required,
  timestampFromMs,
} from './scalars.ts';
import { sharesFromProto, sharesToProto } from './shares.ts';
import { trainingPolicyFromProto, trainingPolicyToProto } from './token-enums.ts';

const failedRolloutPolicies = enumTable<RunSettings['failedRollouts'], FailedRolloutPolicy>(
  'failed-rollout policy',
  {
    drop_rollout: FailedRolloutPolicy.DROP_ROLLOUT,
    drop_group: FailedRolloutPolicy.DROP_GROUP,
    mask: FailedRolloutPolicy.MASK,
  },
);

const overLengths = enumTable<RunSettings['overLength'], OverLengthPolicy>('over-length policy', {
  truncate: OverLengthPolicy.TRUNCATE,
  drop: OverLengthPolicy.DROP,
  split: OverLengthPolicy.SPLIT,
});

export function runSettingsToProto(settings: RunSettings): RunSettingsProto {
  return create(RunSettingsSchema, {
    batchSize: batchSizeToProto(settings.batchSize),
    trainingPolicy: trainingPolicyToProto(settings.trainingPolicy),
    maxStaleness: settings.maxStaleness === undefined ? undefined : BigInt(settings.maxStaleness),
    maxWaitingGroups: settings.maxWaitingGroups,
    failedRollouts: failedRolloutPolicies.toProto(settings.failedRollouts),
    maxRowTokens: settings.maxRowTokens,
    environments: [...settings.environments],
    dropUniformGroups: settings.dropUniformGroups,
    autoPlay: settings.autoPlay === undefined ? undefined : autoPlayToProto(settings.autoPlay),
    overLength: overLengths.toProto(settings.overLength),
    shares: sharesToProto(settings.shares),
    ...admissionToProto(settings.admission),
  });
}

/** Fills in what is left open, and throws naming the field for what can't be. */
export function runSettingsFromProto(
  proto: RunSettingsProto | undefined,
  field = 'settings',
): RunSettings {
  const settings = required(proto, field);
  const batchSize = batchSizeFromProto(settings, field);
  return {
    batchSize,
    trainingPolicy: trainingPolicyFromProto(settings.trainingPolicy, `${field}.training_policy`),
    maxStaleness:
      settings.maxStaleness === undefined
        ? undefined
        : countFromInt64(settings.maxStaleness, `${field}.max_staleness`),
    maxWaitingGroups: countFromInt32(settings.maxWaitingGroups, `${field}.max_waiting_groups`),
    failedRollouts:
      settings.failedRollouts === FailedRolloutPolicy.UNSPECIFIED
        ? 'drop_rollout'
        : failedRolloutPolicies.fromProto(settings.failedRollouts, `${field}.failed_rollouts`),
    maxRowTokens: countFromInt32(settings.maxRowTokens, `${field}.max_row_tokens`),
    environments: environmentsFromProto(settings.environments, `${field}.environments`),
    dropUniformGroups: settings.dropUniformGroups,
    autoPlay: autoPlayFromProto(settings.autoPlay, `${field}.auto_play`),
    overLength:
      settings.overLength === OverLengthPolicy.UNSPECIFIED
        ? 'truncate'
        : overLengths.fromProto(settings.overLength, `${field}.over_length`),
    shares: sharesFromProto(settings, field),
    admission: admissionFromProto(settings, field),
  };
}

export function runToProto(run: RunState): RunProto {
  return create(RunSchema, {
    id: run.id,
    settings: runSettingsToProto(run.settings),
    policyVersion: BigInt(run.policyVersion),
    step: BigInt(run.step),
    closed: run.closed,
    openTime: timestampFromMs(run.openTimeMs),
  });
}

export function runFromProto(proto: RunProto | undefined, field = 'run'): RunState {
  const run = required(proto, field);
  return {
    id: run.id,
    settings: runSettingsFromProto(run.settings, `${field}.settings`),
    policyVersion: countFromInt64(run.policyVersion, `${field}.policy_version`),
    step: countFromInt64(run.step, `${field}.step`),
    closed: run.closed,
    openTimeMs: msFromTimestamp(run.openTime),
  };
}

export function runStatusToProto(status: RunStatus): RunStatusProto {
  return create(RunStatusSchema, {
    run: runToProto(status.run),
    waitingGroups: BigInt(status.waitingGroups),
    waitingRows: BigInt(status.waitingRows),
    waitingTokens: BigInt(status.waitingTokens),
    openAssignments: BigInt(status.openAssignments),
    openByEnvironment: countsToProto(status.openByEnvironment),
    problem: status.problem,
    leasedBatches: BigInt(status.leasedBatches),
    acceptedGroups: BigInt(status.acceptedGroups),
    droppedGroups: countsToProto(status.droppedGroups),
    rollouts: BigInt(status.rollouts),
    notScored: BigInt(status.notScored),
    recentMeanReward: status.recentMeanReward,
    ledger: ledgerToProto(status.ledger),
    oldestWaiting:
      status.oldestWaitingMs === undefined ? undefined : durationFromMs(status.oldestWaitingMs),
    ...runDetailToProto(status),
  });
}

export function runStatusFromProto(proto: RunStatusProto | undefined, field = 'status'): RunStatus {
  const status = required(proto, field);
  const count = (value: bigint, name: string): number => countFromInt64(value, `${field}.${name}`);
  const counts = (values: Readonly<Record<string, bigint>>, name: string) =>
    Object.fromEntries(
      Object.entries(values).map(([key, value]) => [key, count(value, `${name}[${key}]`)]),
    );
  return {
    run: runFromProto(status.run, `${field}.run`),
    waitingGroups: count(status.waitingGroups, 'waiting_groups'),
    waitingRows: count(status.waitingRows, 'waiting_rows'),
    waitingTokens: count(status.waitingTokens, 'waiting_tokens'),
    openAssignments: count(status.openAssignments, 'open_assignments'),
    openByEnvironment: counts(status.openByEnvironment, 'open_by_environment'),
    problem: status.problem,
    leasedBatches: count(status.leasedBatches, 'leased_batches'),
    acceptedGroups: count(status.acceptedGroups, 'accepted_groups'),
    droppedGroups: counts(status.droppedGroups, 'dropped_groups'),
    rollouts: count(status.rollouts, 'rollouts'),
    notScored: count(status.notScored, 'not_scored'),
    recentMeanReward: status.recentMeanReward,
    ledger: ledgerFromProto(status.ledger, `${field}.ledger`),
    oldestWaitingMs:
      status.oldestWaiting === undefined ? undefined : msFromDuration(status.oldestWaiting),
    ...runDetailFromProto(status, field),
  };
}

function countsToProto(counts: Readonly<Record<string, number>>): Record<string, bigint> {
  return Object.fromEntries(Object.entries(counts).map(([key, count]) => [key, BigInt(count)]));
}

function batchSizeToProto(
  size: BatchSize,
): Exclude<RunSettingsProto['batchSize'], { case: undefined }> {
  switch (size.kind) {
    case 'rows':
      return { case: 'batchRows', value: size.rows };
    case 'tokens':
      return { case: 'batchTokens', value: BigInt(size.tokens) };
    case 'groups':
      return { case: 'batchGroups', value: size.groups };
  }
}

function batchSizeFromProto(settings: RunSettingsProto, field: string): BatchSize {
  const size = settings.batchSize;
  switch (size.case) {
    case 'batchRows':
      return { kind: 'rows', rows: positive(size.value, `${field}.batch_rows`) };
    case 'batchTokens':
      return {
        kind: 'tokens',
        tokens: positive(
          countFromInt64(size.value, `${field}.batch_tokens`),
          `${field}.batch_tokens`,
        ),
      };
    case 'batchGroups':
      return { kind: 'groups', groups: positive(size.value, `${field}.batch_groups`) };
    case undefined:
      throw invalidInput(
        `${field}.batch_rows`,
        'is missing; say what a batch counts: batch_rows, batch_tokens or batch_groups.',
        { reason: 'FIELD_MISSING' },
      );
  }
}

function environmentsFromProto(names: readonly string[], field: string): readonly string[] {
  if (names.length > MAX_ENVIRONMENTS) {
    throw invalidInput(field, `are ${names.length}; a run may name ${MAX_ENVIRONMENTS}.`);
  }
  names.forEach((name, i) => {
    assertId(name, `${field}[${i}]`);
  });
  return names;
}
