import { LachesisError } from '../../errors.ts';
import type { RestoredBatches } from '../batch-ledger.ts';
import { cutBatch } from '../cut-batch.ts';
import { type GroupHistory, groupBytes } from '../group-history.ts';
import type { WaitingGroups } from '../waiting-groups.ts';
import type { AcceptedGroup, BatchRecord, RestoredRun } from './records.ts';

/** Puts every group back where it was: it waits unless it is settled or in an open batch. */
export function restoreGroups(
  { groups, settled, batches }: RestoredRun,
  history: GroupHistory,
  waiting: WaitingGroups,
): void {
  const taken = new Set(batches.flatMap(({ positions }) => positions));
  for (const one of groups) {
    const { position } = one;
    if (!('group' in one)) {
      history.restore(one, undefined, false);
      continue;
    }
    const { group, version, arrivedMs } = one;
    const isSettled = settled.has(position);
    history.restore({ id: group.id, position }, group, isSettled);
    if (isSettled || taken.has(position)) continue;
    waiting.add({
      ...{ group, position, version, arrivedMs },
      rows: group.rows.length,
      tokens: group.rows.reduce((tokens, row) => tokens + row.tokens, 0),
      bytes: groupBytes(group),
    });
  }
}

/** The open batches as they were cut; throws when one would come out another. */
export function restoreBatches(run: RestoredRun, nowMs: number): RestoredBatches {
  const byPosition = new Map(run.groups.map((one) => [one.position, one]));
  return {
    nowMs,
    lastStep: run.record.lastStep,
    consumers: run.consumers,
    done: run.done,
    open: run.batches.map((batch) => ({
      lanes: batch.lanes,
      cut: restoredCut(run.record.id, batch, (position) => byPosition.get(position)),
    })),
  };
}

function restoredCut(
  runId: string,
  { step, policyVersion, positions, splits, digest }: BatchRecord,
  at: (position: number) => RestoredRun['groups'][number] | undefined,
) {
  const accepted = positions.map(at);
  const groups = accepted
    .filter((one): one is AcceptedGroup => one !== undefined && 'group' in one)
    .map(({ group }) => group);
  const cut = cutBatch({ runId, step, policyVersion, groups, splits });
  const isSame =
    groups.length === positions.length && Buffer.from(cut.digest).toString('base64') === digest;
  if (isSame) return cut;
  throw new LachesisError(
    'infrastructure_error',
    `Batch ${step} of run "${runId}" can't be put together again as it was cut.`,
    {
      reason: 'STORE_RECORD_BROKEN',
      remedy: 'Run `lachesis store fsck` on the store.',
    },
  );
}
