import type { LossState, Segment, Span } from './segment.ts';

/** What one call sampled, at the segment that it was sampled in. */
export interface SampledTurn {
  readonly callIndex: number;
  /** Into the segments. */
  readonly segment: number;
  readonly start: number;
  readonly end: number;
  /** What the session itself said of its tokens, if it left them out. */
  readonly given: LossState | undefined;
  /** Tokens stand behind it, in its segment or in one that shares it: the agent went on from it. */
  readonly extended: boolean;
  /** Where a call was made: turns of one place are samples of one prompt. */
  readonly place: string;
  /**
   * The agent went on from another spelling of it; then how many of its tokens, from the start, that
   * spelling has in common. Undefined: it did not.
   */
  readonly driftedAfter: number | undefined;
}

/** What only a session can know of tokens; all other states follow from the segments. */
const GIVEN: ReadonlySet<LossState> = new Set(['abandoned_retry', 'not_for_training']);

/** The sampled turns of a rollout's segments, each once, in call order. */
export function sampledTurns(segments: readonly Segment[]): readonly SampledTurn[] {
  const index = new Map(segments.map(({ id }, at) => [id, at]));
  const childrenOf = segments.map((): Segment[] => []);
  for (const segment of segments) {
    const parent = segment.parent === undefined ? undefined : index.get(segment.parent.id);
    if (parent !== undefined) childrenOf[parent]?.push(segment);
  }
  const turns = segments.flatMap((segment, at) => {
    const children = childrenOf[at] ?? [];
    const own = ownTurns(segment);
    return own.map(({ start, end, span }, i): SampledTurn => {
      const drift =
        i === own.length - 1 ? driftAfter(segment, start, end, span, children) : undefined;
      return {
        callIndex: span.callIndex ?? -1,
        segment: at,
        start,
        end,
        given: GIVEN.has(span.loss) ? span.loss : undefined,
        extended:
          end < segment.tokenIds.length ||
          children.some(({ parent }) => (parent?.sharedTokens ?? 0) >= end),
        place: placeOf(segments, index, at, start),
        driftedAfter: drift,
      };
    });
  });
  return turns.toSorted((a, b) => a.callIndex - b.callIndex);
}

/** Turns that were sampled in this segment, not shared from its parent. Spans of one call are one turn. */
function ownTurns(segment: Segment): { start: number; end: number; span: Span }[] {
  const shared = segment.parent?.sharedTokens ?? 0;
  const turns: { start: number; end: number; span: Span }[] = [];
  let position = 0;
  for (const span of segment.spans) {
    const start = position;
    position += span.length;
    if (span.origin !== 'sampled' || start < shared) continue;
    const last = turns.at(-1);
    if (last !== undefined && last.end === start && last.span.callIndex === span.callIndex) {
      last.end = position;
    } else {
      turns.push({ start, end: position, span });
    }
  }
  return turns;
}

/** The segment that holds the token before `start` as its own, and the place: the same for every sibling. */
function placeOf(
  segments: readonly Segment[],
  index: ReadonlyMap<string, number>,
  at: number,
  start: number,
): string {
  let owner = at;
  for (;;) {
    const parent = segments[owner]?.parent;
    const above = parent === undefined ? undefined : index.get(parent.id);
    if (parent === undefined || above === undefined || start > parent.sharedTokens) break;
    owner = above;
  }
  return `${owner}:${start}`;
}

/** Whether a child went on from the last turn in another spelling, and how much of it that one has. */
function driftAfter(
  segment: Segment,
  start: number,
  end: number,
  turn: Span,
  children: readonly Segment[],
): number | undefined {
  for (const child of children) {
    if (child.reason !== 'history_rewritten' || child.parent?.sharedTokens !== start) continue;
    const next = spanAt(child, start);
    if (next?.span.origin !== 'foreign' || next.span.messageIndex !== turn.messageIndex) continue;
    const limit = Math.min(end, next.end);
    let common = start;
    while (common < limit && child.tokenIds[common] === segment.tokenIds[common]) common += 1;
    return common - start;
  }
  return undefined;
}

function spanAt(segment: Segment, position: number): { span: Span; end: number } | undefined {
  let end = 0;
  for (const span of segment.spans) {
    end += span.length;
    if (position < end) return { span, end };
  }
  return undefined;
}
