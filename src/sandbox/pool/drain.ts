import { type Clock, untilAborted } from '../../async/index.ts';
import type { DrainReport } from './pool.ts';
import { poolClosed } from './refusals.ts';
import type { SlotKeeper } from './slot-keeper.ts';

/** Ends all of a pool: what is idle at once, what is leased when it is given back or the grace is over. */
export class Draining {
  readonly report: Promise<DrainReport>;
  readonly #keeper: SlotKeeper;
  readonly #clock: Clock;
  readonly #graceOver = new AbortController();
  readonly #callOffs: (() => void)[] = [];

  constructor(keeper: SlotKeeper, clock: Clock) {
    this.#keeper = keeper;
    this.#clock = clock;
    this.report = this.#run();
  }

  /** Leases have no longer than this from now; the shortest of several counts. */
  allow(graceMs: number): void {
    if (this.#graceOver.signal.aborted || graceMs === Infinity) return;
    if (graceMs === 0) this.#graceOver.abort();
    else this.#callOffs.push(this.#clock.schedule(graceMs, () => this.#graceOver.abort()));
  }

  async #run(): Promise<DrainReport> {
    const keeper = this.#keeper;
    keeper.closing.abort(poolClosed());
    for (const slot of keeper.slots) {
      if (slot.state === 'idle') void keeper.destroy(slot, 'drained');
    }
    // It rejects with nothing but the end of the grace.
    await untilAborted(keeper.allReturned(), { signal: this.#graceOver.signal }).catch(() => {});
    for (const callOff of this.#callOffs) callOff();
    this.#graceOver.abort();
    const forced = [...keeper.slots].flatMap(({ lease }) =>
      lease === undefined ? [] : [{ leaseId: lease.leaseId, owner: lease.owner }],
    );
    for (const slot of keeper.slots) if (slot.state === 'leased') void keeper.takeAway(slot);
    await keeper.settle();
    for (const key of keeper.keys.values()) key.minIdle = 0;
    keeper.forgetUnused();
    return { forced, survivors: [...keeper.survivors] };
  }
}
