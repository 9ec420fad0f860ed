import { isReachable, longestCompletable } from './subset-sum.ts';
import { isBefore, type WaitingGroup, type WaitingGroups } from './waiting-groups.ts';

/**
 * The whole groups that make exactly `target` rows: the first in order that can be part of any
 * exact batch, then the next that can join it, and so on. Undefined only when no set of waiting
 * groups has that sum, so an odd group at the head never blocks the ones behind it.
 *
 * A group passed over is passed over for good with all others of its size (were a later one of the
 * same size usable, it would have been too), so the answer is a prefix of each size's queue, and
 * the first `target / size` groups of each size are all that has to be looked at.
 */
export function selectExactRows(
  waiting: WaitingGroups,
  target: number,
): readonly WaitingGroup[] | undefined {
  if (waiting.rows < target) return undefined;
  const prefix = selectPrefix(waiting, target);
  if (prefix !== undefined) return prefix;
  if (!isReachable(waiting.sizes(), target)) return undefined;
  return selectAmong([...inOrder(waiting, target)], target);
}

/** The usual case: the first groups in order happen to fill the batch. */
function selectPrefix(waiting: WaitingGroups, target: number): readonly WaitingGroup[] | undefined {
  const chosen: WaitingGroup[] = [];
  let rows = 0;
  for (const candidate of inOrder(waiting, target)) {
    rows += candidate.rows;
    if (rows > target) return undefined;
    chosen.push(candidate);
    if (rows === target) return chosen;
  }
  return undefined;
}

/** `candidates` in order, some of which are known to make `target`. */
function selectAmong(candidates: readonly WaitingGroup[], target: number): WaitingGroup[] {
  const chosen: WaitingGroup[] = [];
  let live = candidates;
  let missing = target;
  while (missing > 0) {
    const sizes = live.map(({ rows }) => rows);
    const kept = longestCompletable(fitting(sizes, missing), countSizes(live), missing);
    const taken = live.slice(0, kept);
    chosen.push(...taken);
    missing -= taken.reduce((rows, group) => rows + group.rows, 0);
    const passedOver = live[taken.length]?.rows;
    live = live.slice(taken.length).filter((group) => group.rows !== passedOver);
  }
  return chosen;
}

/** The front of `sizes` that is not over `missing`. */
function fitting(sizes: readonly number[], missing: number): readonly number[] {
  let left = missing;
  const end = sizes.findIndex((size) => {
    left -= size;
    return left < 0;
  });
  return end < 0 ? sizes : sizes.slice(0, end);
}

function countSizes(groups: readonly WaitingGroup[]): Map<number, number> {
  const counts = new Map<number, number>();
  for (const { rows } of groups) counts.set(rows, (counts.get(rows) ?? 0) + 1);
  return counts;
}

/** Merges the sizes' queues lazily, each no further than an exact batch could use. */
function* inOrder(
  waiting: WaitingGroups,
  target: number,
): Generator<WaitingGroup, void, undefined> {
  const heads: { queue: Iterator<WaitingGroup>; group: WaitingGroup; left: number }[] = [];
  for (const size of waiting.sizes().keys()) {
    if (size > target) continue;
    const queue = waiting.ofSize(size);
    const first = queue.next();
    if (first.done !== true) {
      heads.push({ queue, group: first.value, left: Math.floor(target / size) });
    }
  }
  while (heads.length > 0) {
    let first = 0;
    for (let index = 1; index < heads.length; index += 1) {
      if (isBefore(heads[index]!.group, heads[first]!.group)) first = index;
    }
    const head = heads[first]!;
    yield head.group;
    head.left -= 1;
    const next = head.left > 0 ? head.queue.next() : undefined;
    if (next === undefined || next.done === true) heads.splice(first, 1);
    else head.group = next.value;
  }
}
