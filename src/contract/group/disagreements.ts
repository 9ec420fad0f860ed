import { type ErrorFields, invalidInput, LachesisError } from '../../errors.ts';
import type { ModelCall } from '../../models/index.ts';
import { isActPurpose, type Ledger, type Segment } from '../../tokens/index.ts';
import { bucketName } from '../mapping/ledger.ts';
import type { Rollout } from '../rollout.ts';
import { countSegments, type SegmentCount } from './count-segments.ts';

/**
 * Where a rollout's ledger and calls say something else than the spans of its segments, one after another.
 * Who takes a rollout in throws the first; who shows it tells all. Calls that are not there are unknown, and
 * not checked.
 */
export function* disagreements(
  { ledger, segments, calls }: Pick<Rollout, 'ledger' | 'segments' | 'calls'>,
  field: string,
): Generator<LachesisError, void> {
  let counted: SegmentCount;
  try {
    counted = countSegments(segments, `${field}.segments`);
  } catch (thrown) {
    if (!(thrown instanceof LachesisError)) throw thrown;
    yield thrown;
    return;
  }
  yield* ledgerDifferences(ledger, counted.ledger, `${field}.ledger`, 'its segments have');
  if (calls.length === 0) return;
  for (const [i, segment] of segments.entries()) {
    yield* segmentAgainstCalls(segment, calls, `${field}.segments[${i}]`);
  }
  yield* callsAgainstSpans(calls, ledger.sampled, counted.byCall, field);
}

/** Each bucket in which a ledger differs from another; `other` begins what is said of that one. */
export function* ledgerDifferences(
  said: Ledger,
  found: Ledger,
  field: string,
  other: string,
): Generator<LachesisError, void> {
  for (const bucket of Object.keys(said) as (keyof Ledger)[]) {
    if (said[bucket] === found[bucket]) continue;
    yield mismatch(
      `${field}.${bucketName(bucket)}`,
      `is ${said[bucket]}, but ${other} ${found[bucket]}.`,
    );
  }
}

function* callsAgainstSpans(
  calls: readonly ModelCall[],
  sampled: number,
  byCall: ReadonlyMap<number, number>,
  field: string,
): Generator<LachesisError, void> {
  let sum = 0;
  for (const [i, { index, sampledTokens }] of calls.entries()) {
    if (index !== i)
      yield mismatch(`${field}.calls[${i}].index`, `is ${index}; calls are in order.`);
    const found = byCall.get(i) ?? 0;
    if (found !== sampledTokens) {
      yield mismatch(
        `${field}.calls[${i}].sampled_tokens`,
        `is ${sampledTokens}, but the segments' spans have ${found} of that call.`,
      );
    }
    sum += sampledTokens;
  }
  if (sum === sampled) return;
  yield mismatch(`${field}.ledger.sampled`, `is ${sampled}, but its calls sampled ${sum}.`);
}

/** Each sampled span is of a call that is there, announced as its versions say, and trained only if it may. */
function* segmentAgainstCalls(
  segment: Segment,
  calls: readonly ModelCall[],
  path: string,
): Generator<LachesisError, void> {
  const { spans, policyVersions } = segment;
  let run = 0;
  let left = policyVersions[0]?.length ?? 0;
  for (const [i, span] of spans.entries()) {
    if (span.origin !== 'sampled') continue;
    const call = calls[span.callIndex ?? -1];
    if (call === undefined) {
      yield mismatch(
        `${path}.spans[${i}].call_index`,
        `is ${span.callIndex ?? 'absent'}; the rollout has ${calls.length} calls.`,
      );
    } else if (span.loss === 'trained' && (call.failed || !isActPurpose(call.purpose))) {
      yield mismatch(
        `${path}.spans[${i}].loss`,
        `is trained, but its call ${call.failed ? 'failed' : 'was for another purpose than act'}.`,
      );
    }
    for (let rest = span.length; rest > 0; ) {
      while (left === 0 && run < policyVersions.length) left = policyVersions[++run]?.length ?? 0;
      const version = policyVersions[run];
      if (version === undefined) {
        yield mismatch(`${path}.policy_versions`, 'cover fewer tokens than were sampled.');
        return;
      }
      if (call !== undefined && version.announcedVersion !== call.announcedVersion) {
        yield mismatch(
          `${path}.policy_versions[${run}].announced_version`,
          `is ${version.announcedVersion}, but its call has ${call.announcedVersion}.`,
          { reason: 'POLICY_VERSION_MISMATCH' },
        );
      }
      const step = Math.min(rest, left);
      rest -= step;
      left -= step;
    }
  }
}

function mismatch(
  field: string,
  message: string,
  fields: Partial<ErrorFields> = {},
): LachesisError {
  return invalidInput(field, message, { reason: 'LEDGER_MISMATCH', ...fields });
}
