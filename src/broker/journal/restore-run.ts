import { LachesisError } from '../../errors.ts';
import type { RestoredBatches } from '../batch-ledger.ts';
import type { StoredGroup } from '../broker.ts';
import type { CutBatch } from '../cut-batch.ts';
import type { GroupHistory } from '../group-history.ts';
import { recut } from '../recut.ts';
import type { RunQueue } from '../run-queue.ts';
import { waitingGroup } from '../waiting-groups.ts';
import type { BatchRecord, RestoredRun } from './records.ts';

/**
 * Puts every group back where it was: it waits unless it is settled, or in a batch that is open or that
 * a consumer may go back to. What would wait and is known to be damaged is lost. The clock it arrived by
 * may have been ahead of this one.
 */
export function restoreGroups(
  { groups, settled, batches, done }: RestoredRun,
  rooms: {
    readonly history: GroupHistory;
    readonly queue: Pick<RunQueue, 'add'>;
    readonly lose: (groups: readonly StoredGroup[]) => void;
  },
  nowMs: number,
): void {
  const { history, queue } = rooms;
  const damaged: StoredGroup[] = [];
  const taken = new Set([...batches, ...done].flatMap(({ positions }) => positions));
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
    if (group.payload.state === 'damaged') {
      damaged.push(group);
      continue;
    }
    queue.add(waitingGroup(group, { position, version, arrivedMs: Math.min(arrivedMs, nowMs) }));
  }
  rooms.lose(damaged);
}

/** The open batches as they were cut; throws when one would come out another. */
export function restoreBatches(run: RestoredRun, nowMs: number): RestoredBatches {
  const byPosition = new Map(run.groups.map((one) => [one.position, one]));
  return {
    nowMs,
    lastStep: run.record.lastStep,
    consumers: run.consumers,
    done: run.done,
    committed: run.record.committed,
    open: run.batches.map((record) => ({
      record,
      cut: restoredCut(run.record.id, record, (position) => byPosition.get(position)),
    })),
  };
}

function restoredCut(
  runId: string,
  record: BatchRecord,
  at: (position: number) => RestoredRun['groups'][number] | undefined,
): CutBatch {
  const cut = recut(runId, record, (position) => {
    const one = at(position);
    return one !== undefined && 'group' in one ? one.group : undefined;
  });
  if (cut !== undefined) return cut;
  throw new LachesisError(
    'infrastructure_error',
    `Batch ${record.step} of run "${runId}" can't be put together again as it was cut.`,
    {
      reason: 'STORE_RECORD_BROKEN',
      remedy: 'Run `lachesis store fsck` on the store.',
    },
  );
}
