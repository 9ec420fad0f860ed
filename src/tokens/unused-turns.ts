import type { CallUse } from './call-use.ts';
import type { SampledTurn } from './sampled-turns.ts';
import type { Segment } from './segment.ts';

/**
 * The turns that no call made anything of, and that are no conversation's last word. Such a turn was
 *
 * - passed over: sampled again, or its agent asked something else in its place;
 * - or aside: a conversation of one call beside a longer one of the main agent's, such as for a title,
 *   unless its agent is declared, or it is the last call of all and has some of the history (compaction).
 *   Where every call of an agent stands alone, each of them is the agent's word.
 */
export function unusedTurns(
  segments: readonly Segment[],
  turns: readonly SampledTurn[],
  uses: readonly CallUse[],
): ReadonlySet<SampledTurn> {
  const taken = new Set(uses.flatMap(({ continues, alters }) => [continues, alters?.callIndex]));
  const passedOver = new Set(uses.flatMap((use) => use.passesOver));
  const last = turns.findLast(({ given }) => given === undefined);
  const isLong = turns.some(({ use }) => use.agent === '' && use.continues >= 0);
  const unused = turns.filter(({ callIndex, given, segment, use }, at) => {
    if (given !== undefined || taken.has(callIndex)) return false;
    if (passedOver.has(callIndex)) return true;
    if (use.continues >= 0 || use.agent !== '' || !isLong) return false;
    return turns[at] !== last || segments[segment]?.reason === 'sub_agent';
  });
  return new Set(unused);
}
