import type { PoolSettings } from './options.ts';
import { isPermanent } from './refusals.ts';
import type { Waiter } from './slot.ts';
import type { SlotKeeper } from './slot-keeper.ts';
import { WaitList } from './wait-list.ts';

/**
 * Those who wait for a sandbox beyond the pool's own. They wait for each other's only, so who holds a sandbox
 * of the pool and asks for an extra one never waits for others that do the same.
 */
export class ExtraLeases {
  readonly waiters: WaitList;
  readonly #settings: PoolSettings;
  readonly #keeper: SlotKeeper;

  constructor(settings: PoolSettings, keeper: SlotKeeper) {
    this.#settings = settings;
    this.#keeper = keeper;
    this.waiters = new WaitList((key) => keeper.tellCounts(key));
  }

  /** Begins as many as there is room for, in order of arrival; `onTried` when one was made or failed. */
  begin(onTried: () => void): void {
    const { maxExtra, clock } = this.#settings;
    for (const waiter of [...this.waiters]) {
      const { breaker, creating } = waiter.key;
      if (this.#keeper.extras >= maxExtra) return;
      if (breaker.allowed(clock.now(), creating) < 1) continue;
      this.waiters.remove(waiter);
      void this.#make(waiter, onTried);
    }
  }

  async #make(waiter: Waiter, onTried: () => void): Promise<void> {
    try {
      const lease = await this.#keeper.createExtra(waiter.key, waiter);
      if (waiter.signal.aborted) await lease.release();
      else waiter.resolve(lease);
    } catch (error) {
      if (this.#keeper.closing.signal.aborted || isPermanent(error)) waiter.reject(error);
      else if (!waiter.signal.aborted) this.waiters.add(waiter);
    } finally {
      onTried();
    }
  }
}
