import { create } from '@bufbuild/protobuf';
import { type Ledger as LedgerProto, LedgerSchema } from '../../../gen/lachesis/v1/tokens_pb.ts';
import type { Ledger } from '../../tokens/index.ts';
import { countFromInt64 } from './scalars.ts';

/** A part of a ledger as docs, files and the wire spell it: `dropped_branch`. */
export function bucketName(part: keyof Ledger): string {
  return part.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

export function ledgerToProto(ledger: Ledger): LedgerProto {
  return create(LedgerSchema, {
    sampled: BigInt(ledger.sampled),
    trained: BigInt(ledger.trained),
    contextOnly: BigInt(ledger.contextOnly),
    abandonedRetry: BigInt(ledger.abandonedRetry),
    realignedDrift: BigInt(ledger.realignedDrift),
    droppedBranch: BigInt(ledger.droppedBranch),
    overLength: BigInt(ledger.overLength),
    maskedByFailure: BigInt(ledger.maskedByFailure),
    notForTraining: BigInt(ledger.notForTraining),
  });
}

/** An absent ledger is an empty one. Throws for a negative count. */
export function ledgerFromProto(proto: LedgerProto | undefined, field: string): Ledger {
  const count = (value: bigint | undefined, name: string): number =>
    countFromInt64(value ?? 0n, `${field}.${name}`);
  return {
    sampled: count(proto?.sampled, 'sampled'),
    trained: count(proto?.trained, 'trained'),
    contextOnly: count(proto?.contextOnly, 'context_only'),
    abandonedRetry: count(proto?.abandonedRetry, 'abandoned_retry'),
    realignedDrift: count(proto?.realignedDrift, 'realigned_drift'),
    droppedBranch: count(proto?.droppedBranch, 'dropped_branch'),
    overLength: count(proto?.overLength, 'over_length'),
    maskedByFailure: count(proto?.maskedByFailure, 'masked_by_failure'),
    notForTraining: count(proto?.notForTraining, 'not_for_training'),
  };
}
