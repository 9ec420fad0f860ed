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
    const spans = settleSpans(segment, tracks[index] as Track, {
      masked,
      keep: !superseded.has(segment.id),
      maxRowTokens: options.maxRowTokens,
    });
    settled.push({ ...segment, spans });
    if (superseded.has(segment.id) || (trainedLength(spans) === 0 && !masked)) return;
    const row = rowOf(options.rolloutId, segment, spans, options.maxRowTokens);
    if (sampledLength(row.spans) > 0) rows.push(row);
  });
  return { segments: settled, rows, ledger: countOnce(tracks, options.sampledTokens) };
}

/** The final state of each token, at the segment that sampled it; a child's prefix points at its parent's. */
interface Track {
  /** Codes of {@link STATES}, one per token. */
  readonly states: Uint8Array;
  readonly shared: number;
  readonly parent: Track | undefined;
}

const STATES: readonly LossState[] = [
  'not_sampled',
  'trained',
  'context_only',
  'abandoned_retry',
  'realigned_drift',
  'dropped_branch',
  'over_length',
  'masked_by_failure',
  'not_for_training',
];
const TRAINED = STATES.indexOf('trained');

function tracksOf(segments: readonly Segment[]): Track[] {
  const byId = new Map<string, Track>();
  return segments.map((segment) => {
    const parent = segment.parent === undefined ? undefined : byId.get(segment.parent.id);
    const track: Track = {
      states: new Uint8Array(segment.tokenIds.length),
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

interface SettleRule {
  readonly masked: boolean;
  readonly keep: boolean;
  readonly maxRowTokens: number;
}

/** The spans as this segment's row has them; notes each token's final state at its owner. */
function settleSpans(segment: Segment, track: Track, rule: SettleRule): Span[] {
  const spans: Span[] = [];
  let position = 0;
  for (const span of segment.spans) {
    const end = position + span.length;
    if (span.origin !== 'sampled') {
      pushSpan(spans, span);
      position = end;
      continue;
    }
    // A shared token's state depends on the rows before; few segments share, so one by one will do.
    for (; position < Math.min(end, track.shared); position++) {
      const owner = ownerOf(track, position);
      const wanted = stateOf(span, position, rule);
      const again = owner.states[position] === TRAINED;
      if (!again) owner.states[position] = STATES.indexOf(wanted);
      pushSpan(spans, { ...span, length: 1, loss: again ? 'context_only' : wanted });
    }
    while (position < end) {
      const stop = position < rule.maxRowTokens ? Math.min(end, rule.maxRowTokens) : end;
      const loss = stateOf(span, position, rule);
      track.states.fill(STATES.indexOf(loss), position, stop);
      pushSpan(spans, { ...span, length: stop - position, loss });
      position = stop;
    }
  }
  return spans;
}

function stateOf(span: Span, position: number, rule: SettleRule): LossState {
  if (span.loss !== 'trained' && span.loss !== 'context_only') return span.loss;
  if (rule.masked) return 'masked_by_failure';
  if (!rule.keep) return 'dropped_branch';
  return rule.maxRowTokens > 0 && position >= rule.maxRowTokens ? 'over_length' : 'trained';
}

function countOnce(tracks: readonly Track[], sampled: number): Ledger {
  const counts = new Array<number>(STATES.length).fill(0);
  for (const { shared, states } of tracks) {
    for (let position = shared; position < states.length; position++) {
      counts[states[position] as number]!++;
    }
  }
  const ledger: Record<keyof Ledger, number> = { ...emptyLedger(), sampled };
  STATES.forEach((state, code) => {
    const bucket = bucketOf(state);
    if (bucket !== undefined) ledger[bucket] = counts[code] as number;
  });
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
