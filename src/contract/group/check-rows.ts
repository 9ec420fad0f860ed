import type { GroupHeader, GroupPart, RolloutSummary } from '../../../gen/lachesis/v1/group_pb.ts';
import { type ErrorFields, invalidInput, type LachesisError } from '../../errors.ts';
import { type Row, sampledLength, trainedLength, validateSequence } from '../../tokens/index.ts';

/** A group's row, with the index of its part. */
export interface PartRow {
  readonly partIndex: number;
  readonly row: Row;
}

/** Rounding may leave the logprob of a certain token a little above 0. */
const MAX_LOGPROB = 1e-3;

/** Whether a row may say it of a sampled token: rounded to its float32, it is finite and not above 0. */
export function isLogprob(value: number): boolean {
  const rounded = Math.fround(value);
  return Number.isFinite(rounded) && rounded <= MAX_LOGPROB;
}

function checkLogprobs(logprobs: Float32Array | undefined, field: string): void {
  const at = logprobs?.findIndex((logprob) => logprob > MAX_LOGPROB) ?? -1;
  if (at < 0) return;
  throw refuse(`${field}[${at}]`, `is ${logprobs?.[at]}; no logprob is above 0.`, {
    reason: 'LOGPROB_POSITIVE',
  });
}

/** Checks a row by itself and against what its part and its rollout's summary say of it. */
export function checkRow(
  row: Row,
  part: GroupPart,
  summary: RolloutSummary,
  declared: string,
  field: string,
): void {
  validateSequence(row, field);
  checkLogprobs(row.logprobs, `${field}.logprobs`);
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

/** Staleness is decided by this number, so it must be the rows' own. */
export function checkOldestVersion(header: GroupHeader, rows: readonly PartRow[]): void {
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
export function checkTrained(header: GroupHeader, rows: readonly PartRow[]): void {
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
