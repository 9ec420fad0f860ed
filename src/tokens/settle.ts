import type { JudgedCall } from './call-use.ts';
import { judgeTurns } from './judge-turns.ts';
import { bucketOf, emptyLedger, type Ledger } from './ledger.ts';
import type { OverLength } from './over-length.ts';
import { segmentsWithRows } from './row-segments.ts';
import { rowsOfSegment } from './rows-of-segment.ts';
import { sampledTurns } from './sampled-turns.ts';
import type { LossState, Row, Segment, Span } from './segment.ts';
import { pushSpan, trainedLength } from './spans.ts';
import type { TrainingPolicy } from './training-policy.ts';

export interface SettleOptions {
  readonly rolloutId: string;
  /** In order of creation; what a session recorded. */
  readonly segments: readonly Segment[];
  /** By call index; empty where nobody says what the calls were. */
  readonly calls: readonly JudgedCall[];
  /** From the engine's own log. */
  readonly sampledTokens: number;
  readonly policy: TrainingPolicy;
  /** Longest row; 0 for any. */
  readonly maxRowTokens: number;
  /** What becomes of a longer one. Default: `truncate`. */
  readonly overLength?: OverLength;
  /** True: the rollout failed and the run keeps it masked. */
  readonly masked: boolean;
}

export interface Settled {
  /** The same tokens; the spans' loss states are now final. */
  readonly segments: readonly Segment[];
  /** The segments that are trained on, none longer than a row may be. */
  readonly rows: readonly Row[];
  readonly ledger: Ledger;
}

/**
 * Applies a training policy to a rollout's segments; {@link judgeTurns} says what becomes of each turn.
 *
 * A token that two segments share (a child repeats its parent's prefix) is one sampled token: the
 * first row that holds it trains it, later rows have it as context, and the ledger counts it once,
 * where it was sampled. A segment whose trained turns all stand in a child that trains more leaves them
 * to that one's row. Settling what is settled changes nothing.
 */
export function settle(options: SettleOptions): Settled {
  const { segments, calls, policy, maxRowTokens, overLength = 'truncate' } = options;
  const turns = sampledTurns(segments, calls);
  const { verdicts, isDoubtful } = judgeTurns(segments, turns, calls, policy);
  const masked = options.masked || isDoubtful;

  const tracks = tracksOf(segments);
  for (const [turn, { kept, first, rest }] of verdicts) {
    const { states } = tracks[turn.segment] as Track;
    const middle = turn.start + kept;
    const codeOf = (state: LossState): number =>
      STATES.indexOf(masked && turn.given === undefined ? 'masked_by_failure' : state);
    states.fill(codeOf(first), turn.start, middle);
    states.fill(codeOf(rest), middle, turn.end);
    if (maxRowTokens > 0 && overLength === 'truncate') {
      cutOver(states, Math.max(turn.start, maxRowTokens), turn.end);
    }
  }

  const isDropped = ({ tokenIds }: Segment): boolean =>
    overLength === 'drop' && maxRowTokens > 0 && tokenIds.length > maxRowTokens;
  const rowSegments = segmentsWithRows(segments, verdicts, isDropped);
  if (segments.some(isDropped)) dropOver(tracks, rowSegments);
  const settled: Segment[] = [];
  const rows: Row[] = [];
  segments.forEach((segment, index) => {
    const isRow = rowSegments.has(index);
    const spans = finalSpans(segment, tracks[index] as Track, isRow);
    settled.push({ ...segment, spans });
    if (!isRow || (trainedLength(spans) === 0 && !masked)) return;
    const { rolloutId } = options;
    rows.push(...rowsOfSegment(segment, spans, { rolloutId, maxRowTokens, overLength }));
  });
  return { segments: settled, rows, ledger: countOnce(tracks, options.sampledTokens) };
}

/** The final state of each token, at the segment that sampled it; a child's prefix points at its parent's. */
interface Track {
  /** Codes of {@link STATES}, one per token. */
  readonly states: Uint8Array;
  /** 1 for each token that a row trains. */
  readonly taken: Uint8Array;
  readonly shared: number;
  /** Who sampled what: each up to its `end`, in order. The last is the track itself. */
  readonly owners: readonly Owner[];
}

interface Owner {
  readonly end: number;
  readonly track: Track;
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
const CONTEXT_ONLY = STATES.indexOf('context_only');
const OVER_LENGTH = STATES.indexOf('over_length');

function cutOver(states: Uint8Array, from: number, end: number): void {
  for (let at = from; at < end; at++) if (states[at] === TRAINED) states[at] = OVER_LENGTH;
}

/** What only rows would train that are too long is trained by none. */
function dropOver(tracks: readonly Track[], rows: ReadonlySet<number>): void {
  const covered = new Map(tracks.map((track) => [track, new Uint8Array(track.states.length)]));
  for (const row of rows) {
    const { owners } = tracks[row] as Track;
    owners.forEach(({ track, end }, at) => {
      covered.get(track)?.fill(1, owners[at - 1]?.end ?? 0, end);
    });
  }
  for (const [{ states }, isCovered] of covered) {
    for (const [at, state] of states.entries()) {
      if (state === TRAINED && isCovered[at] === 0) states[at] = OVER_LENGTH;
    }
  }
}

function tracksOf(segments: readonly Segment[]): Track[] {
  const byId = new Map<string, Track>();
  return segments.map((segment) => {
    const parent = segment.parent === undefined ? undefined : byId.get(segment.parent.id);
    const { length } = segment.tokenIds;
    const shared = parent === undefined ? 0 : (segment.parent?.sharedTokens ?? 0);
    const owners = (parent?.owners ?? []).flatMap((owner, at, all) => {
      const start = all[at - 1]?.end ?? 0;
      return start < shared ? { ...owner, end: Math.min(owner.end, shared) } : [];
    });
    const track: Track = {
      states: new Uint8Array(length),
      taken: new Uint8Array(length),
      shared,
      owners,
    };
    owners.push({ end: length, track });
    byId.set(segment.id, track);
    return track;
  });
}

/** The spans with the final states; of a row, a token that an earlier row trains is context. */
function finalSpans(segment: Segment, track: Track, isRow: boolean): Span[] {
  const spans: Span[] = [];
  let position = 0;
  let at = 0;
  for (const span of segment.spans) {
    const end = position + span.length;
    if (span.origin !== 'sampled') {
      pushSpan(spans, span);
      position = end;
      continue;
    }
    while (position < end) {
      while ((track.owners[at] as Owner).end <= position) at += 1;
      const owner = track.owners[at] as Owner;
      const code = codeIn(owner.track, position, isRow);
      const limit = Math.min(end, owner.end);
      let stop = position + 1;
      while (stop < limit && codeIn(owner.track, stop, isRow) === code) stop += 1;
      if (isRow && code === TRAINED) owner.track.taken.fill(1, position, stop);
      pushSpan(spans, { ...span, length: stop - position, loss: STATES[code] as LossState });
      position = stop;
    }
  }
  return spans;
}

function codeIn({ states, taken }: Track, position: number, isRow: boolean): number {
  const state = states[position] as number;
  return state === TRAINED && (!isRow || taken[position] === 1) ? CONTEXT_ONLY : state;
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
