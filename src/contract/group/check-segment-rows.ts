import { type ErrorFields, invalidInput, type LachesisError } from '../../errors.ts';
import {
  type Row,
  type Segment,
  type Span,
  sampledLength,
  sliceRuns,
  spansLength,
  type VersionRun,
  validateSequence,
} from '../../tokens/index.ts';

/** A row of a rollout, with the path of its part. */
export interface RowAt {
  readonly row: Row;
  readonly field: string;
}

/**
 * Checks that each row is the segment that it names, or a part of it, and that no token is trained in two
 * parts of one.
 */
export function checkRowsOfSegments(
  segments: readonly Segment[],
  field: string,
  rows: readonly RowAt[],
): void {
  const bySegment = new Map<string, RowAt[]>();
  for (const at of rows) {
    const known = bySegment.get(at.row.segmentId);
    if (known === undefined) bySegment.set(at.row.segmentId, [at]);
    else known.push(at);
  }
  segments.forEach((segment, i) => {
    const path = `${field}.segments[${i}]`;
    const parts = bySegment.get(segment.id) ?? [];
    bySegment.delete(segment.id);
    if (segment.tokenIds.length > 0) validateSequence(segment, path);
    else checkLeft(segment, parts[0], path);
    let before = { start: -1, trainedUpTo: 0 };
    for (const at of parts) before = checkRow(at, segment, before, path);
  });
  for (const [at] of bySegment.values()) {
    if (at === undefined) continue;
    throw refuse(`${at.field}.segment_id`, `is \`${at.row.segmentId}\`, which the rollout lacks.`);
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

/** What the rows of a segment have come to. */
interface Before {
  readonly start: number;
  readonly trainedUpTo: number;
}

function checkRow({ row, field }: RowAt, segment: Segment, before: Before, path: string): Before {
  if (row.agent !== segment.agent) {
    throw refuse(`${field}.agent`, `is \`${row.agent}\`, but ${path} has \`${segment.agent}\`.`);
  }
  const start = row.segmentOffset ?? 0;
  const end = start + row.tokenIds.length;
  const length = spansLength(segment.spans);
  if (end > length) {
    throw refuse(
      `${field}.segment_offset`,
      `is ${start}, and the row ends at ${end}, behind the ${length} tokens of ${path}.`,
    );
  }
  const trained = trainedRange(row.spans, start);
  if (start <= before.start || trained.start < before.trainedUpTo) {
    throw refuse(
      `${field}.segment_id`,
      `is \`${row.segmentId}\`, which is a row already from ${before.start} on, and trained up to ${before.trainedUpTo}.`,
      { remedy: 'Send the parts of a segment in its order; each token is trained in one of them.' },
    );
  }
  const sampledStart = sampledLength(sliceRuns(segment.spans, 0, start));
  const sampledEnd = sampledStart + sampledLength(row.spans);
  sameRuns(
    row.spans,
    sliceRuns(segment.spans, start, end),
    // A part has as context what the one before trains.
    (a, b) => sameSpan(a, start > 0 && isTrainedBefore(a, b) ? { ...b, loss: a.loss } : b),
    `${field}.spans`,
    `${path}.spans`,
  );
  sameRuns(
    row.policyVersions,
    sliceRuns(segment.policyVersions, sampledStart, sampledEnd),
    sameVersion,
    `${field}.policy_versions`,
    `${path}.policy_versions`,
  );
  if (segment.tokenIds.length > 0) checkColumns(row, segment, { start, sampledStart }, field, path);
  return { start, trainedUpTo: Math.max(before.trainedUpTo, trained.end) };
}

function checkColumns(
  row: Row,
  segment: Segment,
  { start, sampledStart }: { readonly start: number; readonly sampledStart: number },
  field: string,
  path: string,
): void {
  const at = row.tokenIds.findIndex((id, i) => id !== segment.tokenIds[start + i]);
  if (at >= 0) throw refuse(`${field}.token_ids[${at}]`, `is not that of ${path}.`);
  if ((row.logprobs === undefined) !== (segment.logprobs === undefined)) {
    throw refuse(`${field}.logprobs`, `are not those of ${path}.`);
  }
  const isOther = (logprob: number, i: number): boolean =>
    logprob !== segment.logprobs?.[sampledStart + i];
  const other = row.logprobs?.findIndex(isOther) ?? -1;
  if (other >= 0) throw refuse(`${field}.logprobs[${other}]`, `is not that of ${path}.`);
}

function isTrainedBefore(row: Span, segment: Span): boolean {
  return row.loss === 'context_only' && segment.loss === 'trained';
}

/** From the first token that spans train to behind the last, in their segment. */
function trainedRange(
  spans: readonly Span[],
  offset: number,
): { readonly start: number; readonly end: number } {
  let start = Infinity;
  let end = 0;
  let position = offset;
  for (const { length, loss } of spans) {
    if (loss === 'trained') {
      start = Math.min(start, position);
      end = position + length;
    }
    position += length;
  }
  return { start, end };
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
