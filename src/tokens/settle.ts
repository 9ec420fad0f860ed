import { bucketOf, emptyLedger, type Ledger } from './ledger.ts';
import type { Column, LossState, Row, Segment, Span } from './segment.ts';
import { cutRuns, pushSpan, sampledLength, spansLength, trainedLength } from './spans.ts';
import type { TrainingPolicy } from './training-policy.ts';
import { columnEntryBytes } from './validate.ts';

export interface SettleOptions {
  readonly rolloutId: string;
  /** In order of creation; what a session recorded. */
  readonly segments: readonly Segment[];
  /** From the engine's own log. */
  readonly sampledTokens: number;
  readonly policy: TrainingPolicy;
  /** Longest row; 0 for any. */
  readonly maxRowTokens: number;
  /** True: the rollout failed and the run keeps it masked. */
  readonly masked: boolean;
}

export interface Settled {
  /** The same tokens; the spans' loss states are now final. */
  readonly segments: readonly Segment[];
  /** The segments that are trained on, cut at the row length. */
  readonly rows: readonly Row[];
  readonly ledger: Ledger;
}

/** What a session itself excluded. What settling excludes is no doubt, so that settling twice changes nothing. */
function isDoubt({ loss }: Span): boolean {
  return (
    loss === 'abandoned_retry' ||
    loss === 'realigned_drift' ||
    loss === 'dropped_branch' ||
    loss === 'not_for_training'
  );
}

/**
 * Applies a training policy to a rollout's segments.
 *
 * A token that two segments share (a child repeats its parent's prefix) is one sampled token: the
 * first row that holds it trains it, later rows have it as context, and the ledger counts it once,
 * where it was sampled. A segment whose tail was sampled again (a `branch` child) is superseded:
 * under `strict` and `realign` its tail is a dropped branch and its prefix is trained in the child;
 * under `fork` both are rows. `mask` takes the whole rollout out when there is any doubt.
 */
export function settle(options: SettleOptions): Settled {
  const { segments, policy } = options;
  const doubtful =
    policy === 'mask' &&
    (segments.length > 1 || segments.some((segment) => segment.spans.some(isDoubt)));
  const masked = options.masked || doubtful;
  const superseded = new Set(
    policy === 'fork'
      ? []
      : segments.flatMap(({ reason, parent }) =>
          reason === 'branch' && parent !== undefined ? [parent.id] : [],
        ),
  );

  const tracks = tracksOf(segments);
  const settled: Segment[] = [];
  const rows: Row[] = [];
  segments.forEach((segment, index) => {
    const track = tracks[index] as Track;
    const states = settleStates(segment, track, {
      masked,
      keep: !superseded.has(segment.id),
      maxRowTokens: options.maxRowTokens,
    });
    const spans = spansWith(segment.spans, states);
    settled.push({ ...segment, spans });
    if (superseded.has(segment.id) || (trainedLength(spans) === 0 && !masked)) return;
    const row = rowOf(options.rolloutId, segment, spans, options.maxRowTokens);
    if (sampledLength(row.spans) > 0) rows.push(row);
  });
  return { segments: settled, rows, ledger: countOnce(tracks, options.sampledTokens) };
}

/** The final state of each token, by the segment that sampled it; a child's prefix points at its parent's. */
interface Track {
  /** Final bucket of the tokens that this segment owns (positions from `shared` on). */
  readonly states: LossState[];
  readonly shared: number;
  readonly parent: Track | undefined;
}

function tracksOf(segments: readonly Segment[]): Track[] {
  const byId = new Map<string, Track>();
  return segments.map((segment) => {
    const parent = segment.parent === undefined ? undefined : byId.get(segment.parent.id);
    const track: Track = {
      states: new Array<LossState>(segment.tokenIds.length).fill('not_sampled'),
      shared: parent === undefined ? 0 : (segment.parent?.sharedTokens ?? 0),
      parent,
    };
    byId.set(segment.id, track);
    return track;
  });
}

function ownerOf(track: Track, position: number): Track {
  let owner = track;
  while (owner.parent !== undefined && position < owner.shared) owner = owner.parent;
  return owner;
}

/** The loss state that each token has in this segment's row; notes the final one at the token's owner. */
function settleStates(
  segment: Segment,
  track: Track,
  rule: { readonly masked: boolean; readonly keep: boolean; readonly maxRowTokens: number },
): LossState[] {
  const states: LossState[] = [];
  let position = 0;
  for (const span of segment.spans) {
    for (let i = 0; i < span.length; i++, position++) {
      if (span.origin !== 'sampled') {
        states.push('not_sampled');
        continue;
      }
      const owner = ownerOf(track, position);
      const before = owner.states[position] as LossState;
      const wanted: LossState =
        span.loss !== 'trained' && span.loss !== 'context_only'
          ? span.loss
          : rule.masked
            ? 'masked_by_failure'
            : !rule.keep
              ? 'dropped_branch'
              : rule.maxRowTokens > 0 && position >= rule.maxRowTokens
                ? 'over_length'
                : 'trained';
      if (before === 'trained') {
        states.push('context_only');
      } else {
        owner.states[position] = wanted;
        states.push(wanted);
      }
    }
  }
  return states;
}

function spansWith(spans: readonly Span[], states: readonly LossState[]): Span[] {
  const result: Span[] = [];
  let position = 0;
  for (const span of spans) {
    let from = 0;
    for (let i = 1; i <= span.length; i++) {
      if (i < span.length && states[position + i] === states[position + from]) continue;
      pushSpan(result, { ...span, length: i - from, loss: states[position + from] as LossState });
      from = i;
    }
    position += span.length;
  }
  return result;
}

function countOnce(tracks: readonly Track[], sampled: number): Ledger {
  const ledger: Record<keyof Ledger, number> = { ...emptyLedger(), sampled };
  for (const { shared, states } of tracks) {
    for (let position = shared; position < states.length; position++) {
      const bucket = bucketOf(states[position] as LossState);
      if (bucket !== undefined) ledger[bucket]++;
    }
  }
  return ledger;
}

function rowOf(
  rolloutId: string,
  segment: Segment,
  spans: readonly Span[],
  maxRowTokens: number,
): Row {
  const tokens = segment.tokenIds.length;
  const base = {
    id: `${rolloutId}/${segment.id}`,
    rolloutId,
    segmentId: segment.id,
    agent: segment.agent,
  };
  if (maxRowTokens <= 0 || tokens <= maxRowTokens) {
    const { tokenIds, logprobs, policyVersions, columns } = segment;
    return { ...base, tokenIds, logprobs, spans, policyVersions, columns };
  }
  const kept = cutRuns(spans, maxRowTokens);
  const sampled = sampledLength(kept);
  return {
    ...base,
    tokenIds: segment.tokenIds.subarray(0, spansLength(kept)),
    logprobs: segment.logprobs?.subarray(0, sampled),
    spans: kept,
    policyVersions: cutRuns(segment.policyVersions, sampled),
    columns: segment.columns.map((column) => cutColumn(column, spansLength(kept), sampled)),
  };
}

function cutColumn(column: Column, tokens: number, sampled: number): Column {
  const entries = column.axis === 'all_tokens' ? tokens : sampled;
  return { ...column, data: column.data.subarray(0, entries * columnEntryBytes(column)) };
}
