import type { OpenBatch } from './open-batch.ts';
import { type HeldBatch, type Shortened, shortened } from './run-detail.ts';

/** Ranks named of those that did not ack. */
const MOST_RANKS = 8;
/** Of a larger world none is named, since each would be asked for. */
const MOST_ASKED = 1_024;

/** Who holds which of the open batches; `worldSizeOf` of a consumer. */
export function heldBatches(
  open: Iterable<OpenBatch>,
  worldSizeOf: (consumerId: string) => number,
  nowMs: number,
): Shortened<HeldBatch> {
  const held: HeldBatch[] = [];
  for (const { cut, lanes } of open) {
    for (const [lane, delivery] of lanes) {
      if (delivery.kind !== 'leased') continue;
      const worldSize = worldSizeOf(delivery.holder);
      held.push({
        step: cut.step,
        consumerId: delivery.holder,
        mode: lane === 'compete' ? 'compete' : 'fan_out',
        delivery: delivery.deliveries,
        worldSize,
        ackedRanks: delivery.acked.size,
        missingRanks: missingRanks(delivery.acked, worldSize),
        leftMs: Math.max(0, delivery.expiresMs - nowMs),
      });
    }
  }
  return shortened(held, held.length);
}

function missingRanks(acked: ReadonlySet<number>, worldSize: number): readonly number[] {
  const missing: number[] = [];
  if (worldSize > MOST_ASKED) return missing;
  for (let rank = 0; rank < worldSize && missing.length < MOST_RANKS; rank += 1) {
    if (!acked.has(rank)) missing.push(rank);
  }
  return missing;
}
