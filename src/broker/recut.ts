import type { StoredGroup } from './broker.ts';
import { type CutBatch, cutBatch } from './cut-batch.ts';
import type { BatchRecord } from './journal/records.ts';

/**
 * A batch as it was cut, from its record and its groups: same groups, same order, same rank splits.
 * Undefined when a group is not kept any more, or is another than it was.
 */
export function recut(
  runId: string,
  { step, policyVersion, positions, splits, digest }: BatchRecord,
  groupAt: (position: number) => StoredGroup | undefined,
): CutBatch | undefined {
  const groups = positions.map(groupAt).filter((group) => group !== undefined);
  if (groups.length < positions.length) return undefined;
  const cut = cutBatch({ runId, step, policyVersion, groups, splits });
  return Buffer.from(cut.digest).toString('base64') === digest ? cut : undefined;
}
