import type { BatchSize, StoredGroup } from './broker.ts';
import { selectExactRows } from './exact-rows.ts';
import { isReachable } from './subset-sum.ts';
import { tokensOf, type WaitingGroup, type WaitingGroups } from './waiting-groups.ts';

/** What a batch needs, in its own unit. */
export function batchTarget(size: BatchSize): number {
  switch (size.kind) {
    case 'rows':
      return size.rows;
    case 'tokens':
      return size.tokens;
    case 'groups':
      return size.groups;
  }
}

/** What one group gives, in the batch's unit. */
export function groupWeight(size: BatchSize, group: Pick<StoredGroup, 'rows'>): number {
  switch (size.kind) {
    case 'rows':
      return group.rows.length;
    case 'tokens':
      return tokensOf(group);
    case 'groups':
      return 1;
  }
}

/**
 * The groups of the next batch, in order, or undefined while they do not fill one. Groups are never
 * split. Rows and groups are exact; by tokens, a batch is the longest run from the front that fits,
 * cut once the next one does not.
 */
export function selectBatch(
  size: BatchSize,
  waiting: WaitingGroups,
): readonly WaitingGroup[] | undefined {
  switch (size.kind) {
    case 'rows':
      return selectExactRows(waiting, size.rows);
    case 'tokens':
      return waiting.tokens < size.tokens ? undefined : selectWithinTokens(waiting, size.tokens);
    case 'groups':
      return waiting.groups < size.groups ? undefined : [...waiting.ofSize(0).take(size.groups)];
  }
}

/** Whether `selectBatch` would find one, without naming it. */
export function canCut(size: BatchSize, waiting: WaitingGroups): boolean {
  switch (size.kind) {
    case 'rows':
      return waiting.rows >= size.rows && isReachable(waiting.sizes(), size.rows);
    case 'tokens':
      return waiting.tokens >= size.tokens;
    case 'groups':
      return waiting.groups >= size.groups;
  }
}

function selectWithinTokens(waiting: WaitingGroups, most: number): readonly WaitingGroup[] {
  const chosen: WaitingGroup[] = [];
  let tokens = 0;
  for (const candidate of waiting.ofSize(0)) {
    if (tokens + candidate.tokens > most) break;
    tokens += candidate.tokens;
    chosen.push(candidate);
    if (tokens === most) break;
  }
  return chosen;
}
