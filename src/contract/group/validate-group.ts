import type { GroupHeader, GroupPart, RolloutSummary } from '../../../gen/lachesis/v1/group_pb.ts';
import { GroupPartKind } from '../../../gen/lachesis/v1/group_pb.ts';
import { type ErrorFields, invalidInput, type LachesisError } from '../../errors.ts';
import { addLedgers, emptyLedger, type Ledger, ledgerBalance } from '../../tokens/index.ts';
import { sameDigest, WIRE_LIMITS } from '../../wire/index.ts';
import { stopReasons } from '../mapping/agent-result.ts';
import { assertId, assertRunId } from '../mapping/ids.ts';
import { ledgerFromProto } from '../mapping/ledger.ts';
import { turnRewardsFromProto } from '../mapping/outcome.ts';
import { countFromInt64 } from '../mapping/scalars.ts';
import { codecFromProto, trainingPolicyFromProto } from '../mapping/token-enums.ts';
import type { Rollout } from '../rollout.ts';
import { checkAccount, sameLedger } from './check-account.ts';
import { checkOldestVersion, checkRow, checkTrained, type PartRow } from './check-rows.ts';
import { decodePart, decodeRollout, decodeRow } from './decode-group.ts';
import { groupDigest, PART_DIGEST_BYTES, partDigest } from './digest.ts';

/** What ingest learned of a group while it checked it. */
export interface ValidatedGroup {
  readonly ledger: Ledger;
  /** In part order, with the index of each one's part. */
  readonly rows: readonly PartRow[];
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
  const transcripts = new Set<number>();
  header.parts.forEach((part, i) => {
    const field = `header.parts[${i}]`;
    checkPart(part, header.rollouts.length, field);
    if (part.kind === GroupPartKind.ROLLOUT && transcripts.has(part.rolloutIndex)) {
      throw refuse(
        `${field}.kind`,
        `is a second ROLLOUT of header.rollouts[${part.rolloutIndex}].`,
      );
    }
    if (part.kind === GroupPartKind.ROLLOUT) transcripts.add(part.rolloutIndex);
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
  const without = header.rollouts.findIndex((_, i) => !transcripts.has(i));
  if (without >= 0) {
    // Rows alone can't be checked: the account is that of the segments and calls behind them.
    throw refuse('header.parts', `have no ROLLOUT of header.rollouts[${without}].`, {
      reason: 'GROUP_PART_MISSING',
      remedy: 'Send one ROLLOUT part for each rollout, with its segments and ledger.',
    });
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
  const rows: PartRow[] = [];
  const seen = new Set<string>();
  const transcripts: { rollout: Rollout; field: string; index: number }[] = [];
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
      const field = `parts[${partIndex}]`;
      const rollout = decodeRollout(decoded, [], field);
      checkRollout(rollout, summary, field);
      transcripts.push({ rollout, field, index: part.rolloutIndex });
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
  for (const { rollout, field, index } of transcripts) {
    const said = `header.rollouts[${index}]`;
    const ledgerOfHeader = ledgerFromProto(header.rollouts[index]?.ledger, `${said}.ledger`);
    const rowsOf = rows
      .filter(({ partIndex }) => header.parts[partIndex]?.rolloutIndex === index)
      .map(({ partIndex, row }) => ({ row, field: `parts[${partIndex}]` }));
    checkAccount(rollout, field, { ledger: ledgerOfHeader, field: said }, rowsOf);
  }
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
  sameLedger(total, sum, 'header.ledger', "the rollouts' add up to");
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

function checkRollout(rollout: Rollout, summary: RolloutSummary, field: string): void {
  if (rollout.id !== summary.rolloutId) {
    throw refuse(`${field}.id`, `is \`${rollout.id}\`, not \`${summary.rolloutId}\`.`);
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

function refuse(field: string, message: string, fields: Partial<ErrorFields> = {}): LachesisError {
  return invalidInput(field, message, fields);
}
