import type { BrokerStore, StoreChange } from '../../../src/broker/stores/store.ts';
import { overriding } from './moment-hooks.ts';

/**
 * A store that answers before it has done: appends are real, and a commit says yes at once and happens a
 * while later, as one does whose sync comes after its answer. What was answered and not done by then dies
 * with the process.
 */
export function earlyStore<Store extends BrokerStore>(store: Store, laterMs: number): Store {
  const queue: StoreChange[] = [];
  const doOne = (): void => {
    const change = queue.shift();
    if (change !== undefined) store.commit(change);
  };
  return overriding(store, {
    commit: (change: StoreChange) => {
      queue.push(change);
      setTimeout(doOne, laterMs);
    },
    close: async () => {
      while (queue.length > 0) doOne();
      await store.close();
    },
  } as Partial<Store>);
}
