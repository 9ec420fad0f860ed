import { FIRST_CALL, type JudgedCall } from './call-use.ts';
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
  readonly use: JudgedCall;
}

/** What only a session can know of tokens; all other states follow from what later calls made of them. */
const GIVEN: ReadonlySet<LossState> = new Set(['abandoned_retry', 'not_for_training']);

/**
 * The sampled turns of a rollout's segments, each once, in call order. Of a rollout that does not say what
 * its calls are, each turn goes on from the one before it in its segment, or in the part that is shared.
 */
export function sampledTurns(
  segments: readonly Segment[],
  calls: readonly JudgedCall[],
): readonly SampledTurn[] {
  const turns = segments.flatMap((segment, at) => {
    const all = turnsIn(segment);
    const shared = segment.parent?.sharedTokens ?? 0;
    return all.flatMap(({ start, end, span }, i): SampledTurn[] => {
      if (start < shared) return [];
      const callIndex = span.callIndex ?? -1;
      const given = GIVEN.has(span.loss) ? span.loss : undefined;
      const use = calls[callIndex] ?? {
        ...FIRST_CALL,
        agent: segment.agent,
        continues: all[i - 1]?.span.callIndex ?? -1,
        purpose: given === 'not_for_training' ? 'other' : '',
        failed: given === 'abandoned_retry',
      };
      return [{ callIndex, segment: at, start, end, given, use }];
    });
  });
  return turns.toSorted((a, b) => a.callIndex - b.callIndex);
}

/** Spans of one call are one turn. */
function turnsIn(segment: Segment): { start: number; end: number; span: Span }[] {
  const turns: { start: number; end: number; span: Span }[] = [];
  let position = 0;
  for (const span of segment.spans) {
    const start = position;
    position += span.length;
    if (span.origin !== 'sampled') continue;
    const last = turns.at(-1);
    if (last !== undefined && last.end === start && last.span.callIndex === span.callIndex) {
      last.end = position;
    } else {
      turns.push({ start, end: position, span });
    }
  }
  return turns;
}
