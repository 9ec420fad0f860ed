import type { GroupHeader, GroupPart, RolloutSummary } from '../../../gen/lachesis/v1/group_pb.ts';
import { GroupPartKind } from '../../../gen/lachesis/v1/group_pb.ts';
import { type ErrorFields, invalidInput, type LachesisError } from '../../errors.ts';
import {
  addLedgers,
  emptyLedger,
  type Ledger,
  ledgerBalance,
  type Row,
  sampledLength,
  trainedLength,
  validateSequence,
} from '../../tokens/index.ts';
import { sameDigest, WIRE_LIMITS } from '../../wire/index.ts';
import { stopReasons } from '../mapping/agent-result.ts';
import { assertId, assertRunId } from '../mapping/ids.ts';
import { ledgerFromProto } from '../mapping/ledger.ts';
import { turnRewardsFromProto } from '../mapping/outcome.ts';
import { countFromInt64 } from '../mapping/scalars.ts';
import { codecFromProto, trainingPolicyFromProto } from '../mapping/token-enums.ts';
import { decodePart, decodeRollout, decodeRow } from './decode-group.ts';
import { groupDigest, PART_DIGEST_BYTES, partDigest } from './digest.ts';

/** What ingest learned of a group while it checked it. */
export interface ValidatedGroup {
  readonly ledger: Ledger;
  /** In part order, with the index of each one's part. */
  readonly rows: readonly { readonly partIndex: number; readonly row: Row }[];
  readonly digest: Uint8Array;
}

/**
 * Checks a header alone, before a byte of its parts is taken: ids, sizes, summaries, ledgers.
 * Throws an invalid_input with the path of the field: `header.parts[3].encoded_size`.
 */
export function validateGroupHeader(header: GroupHeader): Ledger {
  assertId(header.groupId, 'header.group_id');
  assertRunId(header.runId, 'header.run_id');
  if (header.environment === '') throw refuse('header.environment', 'is empty.');
  if (header.rollouts.length === 0) throw refuse('header.rollouts', 'is empty.');
  trainingPolicyFromProto(header.trainingPolicy, 'header.training_policy');
  if (header.digest.length !== 32) {
    throw refuse('header.digest', `has ${header.digest.length} bytes; a SHA-256 has 32.`);
  }
  let bytes = 0;
  header.parts.forEach((part, i) => {
    const field = `header.parts[${i}]`;
    checkPart(part, header.rollouts.length, field);
    bytes += Number(part.encodedSize);
    if (bytes > WIRE_LIMITS.maxGroupBytes) {
      throw refuse(
        `${field}.encoded_size`,
        `brings the group to ${bytes} bytes; at most ${WIRE_LIMITS.maxGroupBytes} are allowed.`,
        { reason: 'GROUP_TOO_LARGE' },
      );
    }
  });
  if (header.parts.length === 0) {
    throw refuse('header.parts', 'is empty; a group has rows, or at least transcripts.');
  }
  if (!sameDigest(groupDigest(header.parts), header.digest)) {
    throw refuse('header.digest', "is not the SHA-256 of the parts' digests.", {
      reason: 'GROUP_DIGEST_MISMATCH',
    });
  }
  return checkLedgers(header);
}

/**
 * Everything that ingest checks of a group. What passes is stored as it came and never checked
 * again, so this is the one place that stands between a broken producer and a trainer.
 */
export function validateGroup(header: GroupHeader, parts: readonly Uint8Array[]): ValidatedGroup {
  const ledger = validateGroupHeader(header);
  if (parts.length !== header.parts.length) {
    throw refuse(
      'parts',
      `has ${parts.length} parts; the header declares ${header.parts.length}.`,
      {
        reason: 'GROUP_PART_MISSING',
      },
    );
  }
  const rows: { partIndex: number; row: Row }[] = [];
  const seen = new Set<string>();
  header.parts.forEach((part, partIndex) => {
    const bytes = parts[partIndex] as Uint8Array;
    const declared = `header.parts[${partIndex}]`;
    if (bytes.length !== Number(part.encodedSize)) {
      throw refuse(
        `${declared}.encoded_size`,
        `is ${part.encodedSize}, but ${bytes.length} bytes came.`,
        { reason: 'GROUP_PART_SIZE' },
      );
    }
    if (!sameDigest(partDigest(bytes), part.digest)) {
      throw refuse(`${declared}.digest`, "is not that of the part's bytes.", {
        reason: 'GROUP_DIGEST_MISMATCH',
      });
    }
    const summary = header.rollouts[part.rolloutIndex] as RolloutSummary;
    const decoded = decodePart(part, bytes, `parts[${partIndex}]`);
    if (part.kind === GroupPartKind.ROLLOUT) {
      checkRollout(decoded, summary, `parts[${partIndex}]`);
      return;
    }
    const row = decodeRow(decoded, `parts[${partIndex}]`);
    checkRow(row, part, summary, declared, `parts[${partIndex}]`);
    if (seen.has(row.id)) throw refuse(`parts[${partIndex}].id`, `is \`${row.id}\` a second time.`);
    seen.add(row.id);
    rows.push({ partIndex, row });
  });
  checkOldestVersion(header, rows);
  checkTrained(header, rows);
  return { ledger, rows, digest: header.digest };
}

function checkPart(part: GroupPart, rollouts: number, field: string): void {
  if (part.kind !== GroupPartKind.ROW && part.kind !== GroupPartKind.ROLLOUT) {
    throw refuse(`${field}.kind`, `is ${part.kind}; ROW or ROLLOUT is needed.`);
  }
  codecFromProto(part.codec, `${field}.codec`);
  if (countFromInt64(part.encodedSize, `${field}.encoded_size`) === 0) {
    throw refuse(`${field}.encoded_size`, 'is 0; a part has bytes.');
  }
  if (part.digest.length !== PART_DIGEST_BYTES) {
    throw refuse(
      `${field}.digest`,
      `has ${part.digest.length} bytes; the first ${PART_DIGEST_BYTES} of a SHA-256 are needed.`,
    );
  }
  if (part.rolloutIndex < 0 || part.rolloutIndex >= rollouts) {
    throw refuse(
      `${field}.rollout_index`,
      `is ${part.rolloutIndex}; the header has ${rollouts} rollouts.`,
    );
  }
}

function checkLedgers(header: GroupHeader): Ledger {
  let sum = emptyLedger();
  const ids = new Set<string>();
  header.rollouts.forEach((summary, i) => {
    const field = `header.rollouts[${i}]`;
    assertId(summary.rolloutId, `${field}.rollout_id`);
    if (ids.has(summary.rolloutId)) {
      throw refuse(`${field}.rollout_id`, `is \`${summary.rolloutId}\` a second time.`);
    }
    ids.add(summary.rolloutId);
    stopReasons.fromProto(summary.stopReason, `${field}.stop_reason`);
    if (summary.reward !== undefined && !Number.isFinite(summary.reward)) {
      throw refuse(`${field}.reward`, `is ${summary.reward}; a reward must be finite.`, {
        reason: 'NON_FINITE_NUMBER',
        remedy: 'Leave the reward out, and say masked, when the rollout could not be scored.',
      });
    }
    turnRewardsFromProto(summary.turnRewards, `${field}.turn_rewards`);
    if (summary.reward === undefined && summary.turnRewards.length > 0) {
      throw refuse(`${field}.turn_rewards`, 'are given to a rollout without a reward.');
    }
    if ((summary.reward === undefined) !== summary.masked) {
      throw refuse(
        `${field}.masked`,
        summary.masked
          ? 'is true on a rollout with a reward.'
          : 'is false on a rollout without a reward; a failure is never trained.',
      );
    }
    sum = addLedgers(sum, checkBalance(ledgerFromProto(summary.ledger, `${field}.ledger`), field));
  });
  const total = checkBalance(ledgerFromProto(header.ledger, 'header.ledger'), 'header');
  for (const bucket of Object.keys(sum) as (keyof Ledger)[]) {
    if (sum[bucket] !== total[bucket]) {
      throw refuse(
        `header.ledger.${snakeCase(bucket)}`,
        `is ${total[bucket]}, but the rollouts' add up to ${sum[bucket]}.`,
        { reason: 'LEDGER_MISMATCH' },
      );
    }
  }
  return total;
}

function checkBalance(ledger: Ledger, field: string): Ledger {
  const rest = ledgerBalance(ledger);
  if (rest === 0) return ledger;
  throw refuse(
    `${field}.ledger.sampled`,
    `is ${ledger.sampled}, but the buckets add up to ${ledger.sampled - rest}.`,
    { reason: 'LEDGER_UNBALANCED' },
  );
}

function checkRow(
  row: Row,
  part: GroupPart,
  summary: RolloutSummary,
  declared: string,
  field: string,
): void {
  validateSequence(row, field);
  if (row.rolloutId !== summary.rolloutId) {
    throw refuse(`${field}.rollout_id`, `is \`${row.rolloutId}\`, not \`${summary.rolloutId}\`.`);
  }
  if (row.id === '' || row.segmentId === '') throw refuse(`${field}.id`, 'is empty.');
  const counts = [
    ['tokens', part.tokens, row.tokenIds.length],
    ['sampled_tokens', part.sampledTokens, sampledLength(row.spans)],
    ['trained_tokens', part.trainedTokens, trainedLength(row.spans)],
  ] as const;
  for (const [name, said, found] of counts) {
    if (said !== found) {
      throw refuse(`${declared}.${name}`, `is ${said}, but the row has ${found}.`, {
        reason: 'TOKEN_COUNT_MISMATCH',
      });
    }
  }
  if (summary.masked && part.trainedTokens > 0) {
    throw refuse(
      `${declared}.trained_tokens`,
      `is ${part.trainedTokens} in a rollout that is masked.`,
    );
  }
}

function checkRollout(bytes: Uint8Array, summary: RolloutSummary, field: string): void {
  const rollout = decodeRollout(bytes, [], field);
  if (rollout.id !== summary.rolloutId) {
    throw refuse(`${field}.id`, `is \`${rollout.id}\`, not \`${summary.rolloutId}\`.`);
  }
  const sampled = rollout.calls.reduce((sum, call) => sum + call.sampledTokens, 0);
  if (rollout.calls.length > 0 && sampled !== rollout.ledger.sampled) {
    throw refuse(
      `${field}.ledger.sampled`,
      `is ${rollout.ledger.sampled}, but its calls sampled ${sampled}.`,
      { reason: 'LEDGER_MISMATCH' },
    );
  }
  const reward = rollout.outcome.kind === 'scored' ? rollout.outcome.reward : undefined;
  if (reward !== summary.reward) {
    throw refuse(`${field}.reward`, `is ${reward}, but the header says ${summary.reward}.`);
  }
  const turns = rollout.outcome.kind === 'scored' ? (rollout.outcome.turnRewards ?? []) : [];
  const isSame =
    turns.length === summary.turnRewards.length &&
    turns.every(({ messageIndex, value }, i) => {
      const said = summary.turnRewards[i];
      return said?.messageIndex === messageIndex && said.value === value;
    });
  if (!isSame) throw refuse(`${field}.reward.turn_rewards`, 'are not those of the header.');
}

/** Staleness is decided by this number, so it must be the rows' own. */
function checkOldestVersion(header: GroupHeader, rows: ValidatedGroup['rows']): void {
  let oldest: number | undefined;
  for (const { row } of rows) {
    for (const { announcedVersion } of row.policyVersions) {
      oldest = Math.min(oldest ?? announcedVersion, announcedVersion);
    }
  }
  const said = header.oldestPolicyVersion;
  if (said === (oldest === undefined ? undefined : BigInt(oldest))) return;
  throw refuse(
    'header.oldest_policy_version',
    `is ${said ?? 'absent'}, but the oldest in the rows is ${oldest ?? 'none'}.`,
    { reason: 'POLICY_VERSION_MISMATCH' },
  );
}

/** Each trained token of the account is in a row, and the other way round. */
function checkTrained(header: GroupHeader, rows: ValidatedGroup['rows']): void {
  const trained = header.rollouts.map(() => 0);
  for (const { partIndex } of rows) {
    const { rolloutIndex, trainedTokens } = header.parts[partIndex] as GroupPart;
    trained[rolloutIndex] = (trained[rolloutIndex] as number) + trainedTokens;
  }
  header.rollouts.forEach((summary, i) => {
    const said = Number(summary.ledger?.trained ?? 0n);
    if (said === trained[i]) return;
    throw refuse(
      `header.rollouts[${i}].ledger.trained`,
      `is ${said}, but the rollout's rows train ${trained[i]} tokens.`,
      { reason: 'LEDGER_MISMATCH' },
    );
  });
}

function refuse(field: string, message: string, fields: Partial<ErrorFields> = {}): LachesisError {
  return invalidInput(field, message, fields);
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
