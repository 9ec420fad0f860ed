import type { CutBatch } from '../cut-batch.ts';
import type { Delivery } from '../delivery.ts';
import type { OpenBatch } from '../open-batch.ts';
import type { BatchRecord, LaneRecord } from './records.ts';

/** An open batch, and how far it is with each lane, as its record. */
export function batchRecord(
  { cut, lanes, cutMs, retired }: OpenBatch,
  positionOf: (groupId: string) => number,
): BatchRecord {
  return {
    step: cut.step,
    policyVersion: cut.policyVersion,
    positions: cut.groups.map(({ id }) => positionOf(id)),
    digest: Buffer.from(cut.digest).toString('base64'),
    splits: cut.splits(),
    lanes: [...lanes].map(([lane, delivery]) => laneRecord(lane, delivery)),
    cutMs,
    ...(retired > 0 && { retired }),
  };
}

/** The open batch of a record, which was put together again. The clock of then may have been ahead. */
export function openBatchOf(
  cut: CutBatch,
  { lanes, cutMs, retired }: Pick<BatchRecord, 'lanes' | 'cutMs' | 'retired'>,
  times: { readonly nowMs: number; readonly expiresMs: number },
): OpenBatch {
  const { nowMs, expiresMs } = times;
  return {
    cut,
    lanes: new Map(lanes.map((lane) => [lane.lane, deliveryOf(lane, expiresMs)])),
    cutMs: Math.min(cutMs ?? nowMs, nowMs),
    retired: retired ?? 0,
  };
}

function laneRecord(lane: string, delivery: Delivery): LaneRecord {
  return {
    lane,
    kind: delivery.kind,
    deliveries: delivery.deliveries,
    holder: 'holder' in delivery ? delivery.holder : '',
    acked: 'acked' in delivery ? [...delivery.acked] : [],
  };
}

/** The delivery of a record. A lease goes on until `expiresMs`, so that its holder can go on with it. */
function deliveryOf({ kind, deliveries, holder, acked }: LaneRecord, expiresMs: number): Delivery {
  switch (kind) {
    case 'ready':
      return { kind, deliveries };
    case 'leased':
      return { kind, deliveries, holder, acked: new Set(acked), expiresMs };
    case 'done':
      return { kind, deliveries, holder };
  }
}
