import type { SampledTurn } from './sampled-turns.ts';
import type { Segment } from './segment.ts';
import type { UsesOfAnswers } from './uses-of-answers.ts';

/**
 * The turns that led to nothing, and that are no conversation's last word. Such a turn was
 *
 * - left: its agent went back behind it, by sampling again or by asking something else in its place, and
 *   never came back to what had come of it;
 * - or rejected: sampled at the place of another that its agent then went on from, as of several samples
 *   of one prompt all but one are;
 * - or aside: a conversation of one call beside a longer one of the main agent's, such as for a title,
 *   unless its agent is declared, or it is the last call of all and has some of the history (compaction).
 *   Where every call of an agent stands alone, each of them is the agent's word.
 */
export function unusedTurns(
  segments: readonly Segment[],
  turns: readonly SampledTurn[],
  uses: UsesOfAnswers,
): ReadonlySet<SampledTurn> {
  const last = turns.findLast(({ given }) => given === undefined);
  const isLong = turns.some(({ use }) => use.agent === '' && use.continues >= 0);
  const unused = turns.filter(({ callIndex, given, segment, use }, at) => {
    if (given !== undefined) return false;
    if (uses.isLeft(callIndex)) return true;
    if (uses.isTaken(callIndex)) return false;
    if (uses.isRejected(callIndex, use)) return true;
    if (use.continues >= 0 || use.agent !== '' || !isLong) return false;
    return turns[at] !== last || segments[segment]?.reason === 'sub_agent';
  });
  return new Set(unused);
}
