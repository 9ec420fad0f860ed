import { stepNotKept } from './consumer-refusals.ts';
import type { Consumers } from './consumers.ts';
import type { CutBatch } from './cut-batch.ts';
import type { FinishedBatches } from './finished-batches.ts';
import { openBatchOf } from './journal/batch-record.ts';
import type { BatchRecord } from './journal/records.ts';
import { laneOf, type OpenBatch, undeliveredOf } from './open-batch.ts';
import type { OpenBatches } from './open-batches.ts';

/**
 * Opens the batches after `step` again for a lane, as they were cut. All or none: throws when one of them
 * is not kept. `cuts` are those that were finished.
 */
export function reopenBatches(
  rooms: {
    readonly open: OpenBatches;
    readonly finished: FinishedBatches;
    readonly consumers: Consumers;
    readonly lastStep: number;
  },
  request: { readonly lane: string; readonly step: number; readonly nowMs: number },
  recut: (record: BatchRecord) => CutBatch | undefined,
): { readonly batches: number; readonly cuts: readonly CutBatch[] } {
  const { open, finished, consumers, lastStep } = rooms;
  const { lane, step, nowMs } = request;
  const again: OpenBatch[] = [];
  const cuts: CutBatch[] = [];
  for (let at = lastStep; at > step; at--) {
    const known = open.at(at);
    if (known !== undefined) {
      again.unshift(known);
      continue;
    }
    const record = finished.get(at);
    // The others come again without it.
    if (record?.givenUp !== undefined) continue;
    const cut = record && recut(record);
    if (record === undefined || cut === undefined) throw stepNotKept('rewind', step, at);
    cuts.unshift(cut);
    const reopened = openBatchOf(cut, record, { nowMs, expiresMs: 0 });
    // Who came after the batch was done has no part in it, until it goes back to it by itself.
    for (const other of consumers) {
      const absent = { kind: 'done', deliveries: reopened.retired, holder: '' } as const;
      if (!reopened.lanes.has(laneOf(other))) reopened.lanes.set(laneOf(other), absent);
    }
    again.unshift(reopened);
  }
  for (const cut of cuts) finished.take(cut.step);
  open.reopen(again);
  for (const one of again) {
    const { deliveries } = one.lanes.get(lane) ?? undeliveredOf(one);
    open.move(one, lane, { kind: 'ready', deliveries });
  }
  return { batches: again.length, cuts };
}
