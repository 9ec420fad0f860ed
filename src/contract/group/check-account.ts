import { type ErrorFields, invalidInput, type LachesisError } from '../../errors.ts';
import {
  type Ledger,
  type Row,
  type Segment,
  type Span,
  sampledLength,
  spansLength,
  type VersionRun,
  validateSequence,
} from '../../tokens/index.ts';
import type { Rollout } from '../rollout.ts';
import { disagreements, ledgerDifferences } from './disagreements.ts';

/** A row of a rollout, with the path of its part. */
export interface RowAt {
  readonly row: Row;
  readonly field: string;
}

/**
 * Checks a rollout's account against itself: its ledger is the header's and what its segments' spans
 * say, each row is the segment that it names, and the calls sampled what the spans say they did.
 * Calls that are not there are unknown, and not checked.
 */
export function checkAccount(
  rollout: Rollout,
  field: string,
  header: { readonly ledger: Ledger; readonly field: string },
  rows: readonly RowAt[],
): void {
  sameLedger(rollout.ledger, header.ledger, `${field}.ledger`, `${header.field}.ledger has`);
  checkRows(rollout.segments, field, rows);
  for (const disagreement of disagreements(rollout, field)) throw disagreement;
}

/** Refuses a ledger that differs from another; `other` begins what is said of that one. */
export function sameLedger(said: Ledger, found: Ledger, field: string, other: string): void {
  for (const difference of ledgerDifferences(said, found, field, other)) throw difference;
}

function checkRows(segments: readonly Segment[], field: string, rows: readonly RowAt[]): void {
  const bySegment = new Map<string, RowAt>();
  for (const at of rows) {
    const { segmentId } = at.row;
    if (bySegment.has(segmentId)) {
      throw refuse(`${at.field}.segment_id`, `is \`${segmentId}\`, which is a row already.`);
    }
    bySegment.set(segmentId, at);
  }
  segments.forEach((segment, i) => {
    const path = `${field}.segments[${i}]`;
    const at = bySegment.get(segment.id);
    bySegment.delete(segment.id);
    if (segment.tokenIds.length > 0) validateSequence(segment, path);
    else checkLeft(segment, at, path);
    if (at !== undefined) checkRow(at, segment, path);
  });
  for (const { row, field: at } of bySegment.values()) {
    throw refuse(`${at}.segment_id`, `is \`${row.segmentId}\`, which the rollout lacks.`);
  }
}

/** A segment without ids left them to a row, which is as long. */
function checkLeft({ spans, policyVersions }: Segment, at: RowAt | undefined, path: string): void {
  checkLengths(spans, `${path}.spans`);
  checkLengths(policyVersions, `${path}.policy_versions`);
  const tokens = spansLength(spans);
  if (at !== undefined && at.row.tokenIds.length === tokens) {
    const versioned = policyVersions.reduce((sum, { length }) => sum + length, 0);
    const sampled = sampledLength(spans);
    if (versioned === sampled) return;
    throw refuse(`${path}.policy_versions`, `cover ${versioned} sampled tokens of ${sampled}.`);
  }
  throw invalidInput(
    `${path}.token_ids`,
    `is empty, and ${at === undefined ? 'no row' : `a row of ${at.row.tokenIds.length} tokens`} stands for its ${tokens}.`,
    { reason: 'TOKEN_COLUMN_LENGTH' },
  );
}

function checkLengths(runs: readonly { readonly length: number }[], field: string): void {
  const at = runs.findIndex(({ length }) => length < 1);
  if (at < 0) return;
  throw refuse(`${field}[${at}].length`, `is ${runs[at]?.length}; it has at least 1 token.`);
}

function checkRow({ row, field }: RowAt, segment: Segment, path: string): void {
  if (row.agent !== segment.agent) {
    throw refuse(`${field}.agent`, `is \`${row.agent}\`, but ${path} has \`${segment.agent}\`.`);
  }
  sameRuns(row.spans, segment.spans, sameSpan, `${field}.spans`, `${path}.spans`);
  sameRuns(
    row.policyVersions,
    segment.policyVersions,
    sameVersion,
    `${field}.policy_versions`,
    `${path}.policy_versions`,
  );
  if (segment.tokenIds.length === 0) return;
  const at = row.tokenIds.findIndex((id, i) => id !== segment.tokenIds[i]);
  if (at >= 0) throw refuse(`${field}.token_ids[${at}]`, `is not that of ${path}.`);
  if ((row.logprobs === undefined) !== (segment.logprobs === undefined)) {
    throw refuse(`${field}.logprobs`, `are not those of ${path}.`);
  }
  const other = row.logprobs?.findIndex((logprob, i) => logprob !== segment.logprobs?.[i]) ?? -1;
  if (other >= 0) throw refuse(`${field}.logprobs[${other}]`, `is not that of ${path}.`);
}

function sameSpan(a: Span, b: Span): boolean {
  return (
    a.origin === b.origin &&
    a.loss === b.loss &&
    a.callIndex === b.callIndex &&
    a.messageIndex === b.messageIndex
  );
}

function sameVersion(a: VersionRun, b: VersionRun): boolean {
  return a.announcedVersion === b.announcedVersion && a.reportedVersion === b.reportedVersion;
}

/** Runs say the same as the start of others, however the two are cut into pieces. */
function sameRuns<Run extends { readonly length: number }>(
  runs: readonly Run[],
  others: readonly Run[],
  isSame: (a: Run, b: Run) => boolean,
  field: string,
  other: string,
): void {
  let index = 0;
  let left = others[0]?.length ?? 0;
  runs.forEach((run, i) => {
    for (let rest = run.length; rest > 0; ) {
      while (left === 0 && index < others.length) left = others[++index]?.length ?? 0;
      const met = others[index];
      if (met === undefined || !isSame(run, met)) {
        throw refuse(`${field}[${i}]`, `differs from ${other}[${index}].`);
      }
      const step = Math.min(rest, left);
      rest -= step;
      left -= step;
    }
  });
}

function refuse(field: string, message: string, fields: Partial<ErrorFields> = {}): LachesisError {
  return invalidInput(field, message, { reason: 'LEDGER_MISMATCH', ...fields });
}
