/**
 * How far one batch is with one lane of consumers (all that compete, or one that gets every batch).
 * `deliveries` counts how often it was handed out. A lease that ran out stays with its holder until
 * the batch is handed out again, so a slow trainer's late ack still counts.
 */
export type Delivery =
  | { readonly kind: 'ready'; readonly deliveries: number }
  | {
      readonly kind: 'leased';
      readonly deliveries: number;
      readonly holder: string;
      readonly acked: ReadonlySet<number>;
      readonly expiresMs: number;
    }
  | { readonly kind: 'done'; readonly deliveries: number; readonly holder: string };

export type LeasedDelivery = Extract<Delivery, { kind: 'leased' }>;

export const undelivered: Delivery = Object.freeze({ kind: 'ready', deliveries: 0 });

/** Whether it may be handed out (again). */
export function isFree(delivery: Delivery, nowMs: number): boolean {
  return delivery.kind === 'ready' || (delivery.kind === 'leased' && delivery.expiresMs <= nowMs);
}

/** A new lease; no rank has acked it. The delivery must be free. */
export function handOut(
  delivery: Exclude<Delivery, { kind: 'done' }>,
  holder: string,
  expiresMs: number,
): LeasedDelivery {
  const deliveries = delivery.deliveries + 1;
  return { kind: 'leased', deliveries, holder, acked: new Set(), expiresMs };
}

/** Which delivery of a batch a rank speaks of; 0, or none, does not say. */
export interface LeaseKey {
  readonly consumerId: string;
  readonly batchId: string;
  readonly rank: number;
  readonly delivery?: number | undefined;
}

/** Whether a call about the delivery of that number is about this one; 0, or none, does not say which. */
export function isSameDelivery(delivery: Delivery, number = 0): boolean {
  return number === 0 || number === delivery.deliveries;
}

/** The lease of `holder`, kept until `expiresMs`; undefined when it is not theirs. */
export function renew(
  delivery: Delivery,
  holder: string,
  expiresMs: number,
): LeasedDelivery | undefined {
  if (delivery.kind !== 'leased' || delivery.holder !== holder) return undefined;
  return { ...delivery, expiresMs };
}

/** One rank is done; with the last of `worldSize` all is. Also renews, as the holder lives. */
export function ackRank(
  delivery: LeasedDelivery,
  rank: number,
  worldSize: number,
  expiresMs: number,
): Delivery {
  const acked = new Set(delivery.acked).add(rank);
  return acked.size >= worldSize
    ? { kind: 'done', deliveries: delivery.deliveries, holder: delivery.holder }
    : { ...delivery, acked, expiresMs };
}

/** Given back by any rank: it is handed out again to all of them. */
export function giveBack(delivery: LeasedDelivery): Delivery {
  return { kind: 'ready', deliveries: delivery.deliveries };
}
