import { type ErrorFields, invalidInput, type LachesisError } from '../../errors.ts';
import type { ModelCall } from '../../models/index.ts';
import type { Ledger, Segment } from '../../tokens/index.ts';
import { bucketName } from '../mapping/ledger.ts';
import type { Rollout } from '../rollout.ts';
import { checkRowsOfSegments, type RowAt } from './check-segment-rows.ts';
import { countSegments } from './count-segments.ts';

/** What a call without a purpose of its own is for: the agent's next word. */
const ACT: ReadonlySet<string> = new Set(['', 'act']);

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
  checkRowsOfSegments(rollout.segments, field, rows);
  const { ledger, byCall } = countSegments(rollout.segments, `${field}.segments`);
  sameLedger(rollout.ledger, ledger, `${field}.ledger`, 'its segments have');
  if (rollout.calls.length === 0) return;
  rollout.segments.forEach((segment, i) => {
    checkCallsOfSegment(segment, rollout.calls, `${field}.segments[${i}]`);
  });
  checkCalls(rollout.calls, rollout.ledger.sampled, byCall, field);
}

/** Refuses a ledger that differs from another; `other` begins what is said of that one. */
export function sameLedger(said: Ledger, found: Ledger, field: string, other: string): void {
  for (const bucket of Object.keys(said) as (keyof Ledger)[]) {
    if (said[bucket] === found[bucket]) continue;
    throw refuse(
      `${field}.${bucketName(bucket)}`,
      `is ${said[bucket]}, but ${other} ${found[bucket]}.`,
    );
  }
}

function checkCalls(
  calls: readonly ModelCall[],
  sampled: number,
  byCall: ReadonlyMap<number, number>,
  field: string,
): void {
  let sum = 0;
  calls.forEach(({ index, sampledTokens }, i) => {
    if (index !== i) throw refuse(`${field}.calls[${i}].index`, `is ${index}; calls are in order.`);
    const found = byCall.get(i) ?? 0;
    if (found !== sampledTokens) {
      throw refuse(
        `${field}.calls[${i}].sampled_tokens`,
        `is ${sampledTokens}, but the segments' spans have ${found} of that call.`,
      );
    }
    sum += sampledTokens;
  });
  if (sum === sampled) return;
  throw refuse(`${field}.ledger.sampled`, `is ${sampled}, but its calls sampled ${sum}.`);
}

/** Each sampled span is of a call that is there, announced as its versions say, and trained only if it may. */
function checkCallsOfSegment(segment: Segment, calls: readonly ModelCall[], path: string): void {
  const { spans, policyVersions } = segment;
  let run = 0;
  let left = policyVersions[0]?.length ?? 0;
  spans.forEach((span, i) => {
    if (span.origin !== 'sampled') return;
    const call = calls[span.callIndex ?? -1];
    if (call === undefined) {
      throw refuse(
        `${path}.spans[${i}].call_index`,
        `is ${span.callIndex ?? 'absent'}; the rollout has ${calls.length} calls.`,
      );
    }
    if (span.loss === 'trained' && (call.failed || !ACT.has(call.purpose))) {
      throw refuse(
        `${path}.spans[${i}].loss`,
        `is trained, but its call ${call.failed ? 'failed' : 'was for another purpose than act'}.`,
      );
    }
    for (let rest = span.length; rest > 0; ) {
      while (left === 0 && run < policyVersions.length) left = policyVersions[++run]?.length ?? 0;
      const version = policyVersions[run];
      if (version === undefined) {
        throw refuse(`${path}.policy_versions`, 'cover fewer tokens than were sampled.');
      }
      if (version.announcedVersion !== call.announcedVersion) {
        throw refuse(
          `${path}.policy_versions[${run}].announced_version`,
          `is ${version.announcedVersion}, but its call has ${call.announcedVersion}.`,
          { reason: 'POLICY_VERSION_MISMATCH' },
        );
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
