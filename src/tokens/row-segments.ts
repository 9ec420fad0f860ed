import type { TurnVerdict } from './judge-turns.ts';
import type { SampledTurn } from './sampled-turns.ts';
import type { Segment } from './segment.ts';

/**
 * Which segments are rows, by index: those with turns to train, unless a child of theirs holds all of
 * these and trains more, whose row then trains them too. One that `isDropped` is no row.
 */
export function segmentsWithRows(
  segments: readonly Segment[],
  verdicts: ReadonlyMap<SampledTurn, TurnVerdict>,
  isDropped: (segment: Segment) => boolean = () => false,
): ReadonlySet<number> {
  /** Up to where each segment's row has to reach; 0 where there is nothing to train. */
  const reach = segments.map(() => 0);
  for (const [{ segment, start }, { first, kept }] of verdicts) {
    if (first === 'trained' && kept > 0) {
      reach[segment] = Math.max(reach[segment] as number, start + kept);
    }
  }
  const index = new Map(segments.map(({ id }, at) => [id, at]));
  const parentOf = segments.map(({ parent }) => parent && index.get(parent.id));
  // Of itself or of a segment that goes on from it; children come after their parents.
  const trainsMore = reach.map((end) => end > 0);
  for (let at = segments.length - 1; at >= 0; at--) {
    const parent = parentOf[at];
    if (parent !== undefined && trainsMore[at] === true) trainsMore[parent] = true;
  }
  const rows = new Set<number>();
  segments.forEach((segment, at) => {
    const end = reach[at] as number;
    if (end === 0 || isDropped(segment)) return;
    const heir = segments.findIndex(
      (child, index) =>
        parentOf[index] === at &&
        trainsMore[index] === true &&
        !isDropped(child) &&
        (child.parent?.sharedTokens ?? 0) >= end &&
        // One whose numbers were found to lie has none, and nothing can be trained without.
        (child.logprobs !== undefined || segment.logprobs === undefined),
    );
    if (heir < 0) rows.add(at);
    else reach[heir] = Math.max(reach[heir] as number, end);
  });
  return rows;
}
