import type { BrokerStore } from '../../../src/broker/index.ts';
import { MapStore } from './map-store.ts';

/** Stores of one disk: what was committed and not synced when the next is opened is gone. */
export class PowerLossStore {
  #disk = new MapStore();
  #current: MapStore | undefined;

  reopened(): BrokerStore {
    const live = copyOf(this.#disk);
    this.#current = live;
    return Object.assign(live, {
      synced: async (): Promise<void> => {
        const synced = copyOf(live);
        await new Promise(setImmediate);
        if (this.#current === live) this.#disk = synced;
      },
    });
  }

  /** As of a {@link MapStore}, of what is on the disk: whoever is opened next sees it. */
  damage(text: string): void {
    this.#disk.damage(text);
  }
}

function copyOf(store: MapStore): MapStore {
  const copy = new MapStore();
  for (const [key, value] of store.records_) copy.records_.set(key, value);
  for (const [offset, bytes] of store.payloads) copy.payloads.set(offset, bytes);
  for (const offset of store.live) copy.live.add(offset);
  for (const offset of store.damaged) copy.damaged.add(offset);
  copy.next = store.next;
  return copy;
}
