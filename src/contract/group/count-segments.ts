import { invalidInput, type LachesisError } from '../../errors.ts';
import {
  bucketOf,
  emptyLedger,
  type Ledger,
  type LossState,
  type Segment,
  spansLength,
} from '../../tokens/index.ts';

const UNSAMPLED: LossState = 'not_sampled';
const STATES: readonly LossState[] = [
  UNSAMPLED,
  'trained',
  'context_only',
  'abandoned_retry',
  'realigned_drift',
  'dropped_branch',
  'over_length',
  'masked_by_failure',
  'not_for_training',
];
const CODES: ReadonlyMap<LossState, number> = new Map(STATES.map((state, code) => [state, code]));
const TRAINED = STATES.indexOf('trained');
const CONTEXT_ONLY = STATES.indexOf('context_only');

/** What the spans of a rollout's segments say. */
export interface SegmentCount {
  /** All of it but `sampled`, which is the sum of the buckets here. */
  readonly ledger: Ledger;
  /** Sampled tokens by the call that the spans name; -1 for none. */
  readonly byCall: ReadonlyMap<number, number>;
}

/**
 * Counts the sampled tokens of segments whose spans are final, each token once: what a child shares with
 * its parent is the parent's. A token is trained if any segment trains it; a second one that does, or
 * says something else of it, is refused. Linear in the tokens: each has a number, and a child repeats
 * those of its prefix.
 */
export function countSegments(segments: readonly Segment[], field: string): SegmentCount {
  const lengths = segments.map(({ spans }) => spansLength(spans));
  const states = new Uint8Array(lengths.reduce((sum, length) => sum + length, 0));
  const numbersOf = new Map<string, Int32Array>();
  const byCall = new Map<number, number>();
  let next = 0;
  segments.forEach((segment, index) => {
    const path = `${field}[${index}]`;
    if (numbersOf.has(segment.id)) throw refuse(`${path}.id`, `is \`${segment.id}\` again.`);
    const length = lengths[index] as number;
    const { numbers, shared } = sharedNumbers(segment, length, numbersOf, path);
    numbersOf.set(segment.id, numbers);
    for (let at = shared; at < length; at++) numbers[at] = next++;

    let position = 0;
    segment.spans.forEach((span, i) => {
      const end = position + span.length;
      const code = CODES.get(span.loss) as number;
      const own = Math.max(position, shared);
      if (code !== 0) {
        for (let at = position; at < Math.min(end, shared); at++) {
          meet(states, numbers[at] as number, code, `${path}.spans[${i}].loss`);
        }
        if (own < end) {
          states.fill(code, numbers[own], (numbers[own] as number) + end - own);
          const call = span.callIndex ?? -1;
          byCall.set(call, (byCall.get(call) ?? 0) + end - own);
        }
      }
      position = end;
    });
  });
  return { ledger: ledgerOf(states.subarray(0, next)), byCall };
}

/** A segment's numbers, with those of its prefix filled in; an unknown parent shares nothing. */
function sharedNumbers(
  { parent }: Segment,
  length: number,
  numbersOf: ReadonlyMap<string, Int32Array>,
  path: string,
): { readonly numbers: Int32Array; readonly shared: number } {
  const numbers = new Int32Array(length);
  const parents = parent === undefined ? undefined : numbersOf.get(parent.id);
  if (parent === undefined || parents === undefined) return { numbers, shared: 0 };
  const shared = parent.sharedTokens;
  if (shared < 0 || shared > length || shared > parents.length) {
    throw refuse(
      `${path}.parent_length`,
      `is ${shared}, but the segment has ${length} tokens and its parent ${parents.length}.`,
    );
  }
  numbers.set(parents.subarray(0, shared));
  return { numbers, shared };
}

/** A later segment meets a sampled token that an earlier one counted. */
function meet(states: Uint8Array, number: number, code: number, field: string): void {
  const before = states[number] as number;
  if (code === TRAINED && before === CONTEXT_ONLY) {
    states[number] = TRAINED;
  } else if (code === TRAINED || (code !== CONTEXT_ONLY && code !== before)) {
    throw refuse(field, `is ${STATES[code]} of a token that the parent has as ${STATES[before]}.`, {
      remedy: 'A token that segments share is in one bucket, and trained once.',
    });
  }
}

function ledgerOf(states: Uint8Array): Ledger {
  const counts = new Array<number>(STATES.length).fill(0);
  for (const code of states) counts[code] = (counts[code] as number) + 1;
  const ledger: Record<keyof Ledger, number> = { ...emptyLedger() };
  STATES.forEach((state, code) => {
    const bucket = bucketOf(state);
    if (bucket === undefined) return;
    ledger[bucket] = counts[code] as number;
    ledger.sampled += counts[code] as number;
  });
  return ledger;
}

function refuse(field: string, message: string, fields: { remedy?: string } = {}): LachesisError {
  return invalidInput(field, message, { reason: 'LEDGER_MISMATCH', ...fields });
}
