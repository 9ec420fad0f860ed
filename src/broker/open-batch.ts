import type { CutBatch } from './cut-batch.ts';
import type { Delivery } from './delivery.ts';

export type ConsumerMode = 'compete' | 'fan_out';

/** Who takes batches, on so many ranks. */
export interface Consumer {
  readonly id: string;
  readonly mode: ConsumerMode;
  readonly worldSize: number;
}

/** A batch that was cut and is not fully acked. */
export interface OpenBatch {
  readonly cut: CutBatch;
  /** By lane: one for all consumers that compete, one for each that gets every batch. */
  readonly lanes: Map<string, Delivery>;
  readonly cutMs: number;
  /** Most deliveries of a lane that was taken away: one that joins counts on, so no old ack is a new one's. */
  retired: number;
}

/** How a new lane begins with it. */
export function undeliveredOf({ retired }: OpenBatch): Delivery {
  return { kind: 'ready', deliveries: retired };
}

/** Whether everyone who has part in it is done; one that is nobody's waits for who comes. */
export function isFinished({ lanes }: OpenBatch): boolean {
  return lanes.size > 0 && [...lanes.values()].every(({ kind }) => kind === 'done');
}

/** Whether it was never handed out. */
export function isUntouched(open: OpenBatch): boolean {
  if (open.retired > 0) return false;
  for (const lane of open.lanes.values()) {
    if (lane.kind !== 'ready' || lane.deliveries > 0) return false;
  }
  return true;
}

/** The lane that a consumer takes batches from. */
export function laneOf(consumer: Consumer): string {
  return consumer.mode === 'compete' ? 'compete' : `fan_out/${consumer.id}`;
}
