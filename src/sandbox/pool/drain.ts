import { type Clock, startDeadline, untilAborted } from '../../async/index.ts';
import type { DrainReport } from './pool.ts';
import { poolClosed } from './refusals.ts';
import type { SlotKeeper } from './slot-keeper.ts';

/** Ends all of a pool: what is idle at once, what is leased when it is given back or the grace is over. */
export async function drainPool(
  keeper: SlotKeeper,
  graceMs: number,
  clock: Clock,
): Promise<DrainReport> {
  keeper.closing.abort(poolClosed());
  for (const slot of keeper.slots) if (slot.state === 'idle') void keeper.destroy(slot, 'drained');
  await allReturned(keeper, graceMs, clock);
  const forced = [...keeper.slots].flatMap(({ lease }) =>
    lease === undefined ? [] : [{ leaseId: lease.leaseId, owner: lease.owner }],
  );
  for (const slot of keeper.slots) if (slot.state === 'leased') void keeper.takeAway(slot);
  await keeper.settle();
  return { forced, survivors: [...keeper.survivors] };
}

async function allReturned(keeper: SlotKeeper, graceMs: number, clock: Clock): Promise<void> {
  using grace = startDeadline({ timeoutMs: graceMs, clock, reason: () => undefined });
  await untilAborted(keeper.allReturned(), { signal: grace }).catch(() => {});
}
