import type { BrokerStore } from '../../../src/broker/index.ts';

export interface MortalStore extends BrokerStore {
  readonly isDead: boolean;
  die(): void;
  /** Dies when the next group is stored, before anybody hears of it. */
  dieWhenStored(): void;
}

/**
 * A store as one process sees it. After `die()` nothing of that process reaches the store any more, as
 * after a SIGKILL, however long its code still runs here.
 */
export function mortal(store: BrokerStore): MortalStore {
  let isDead = false;
  let diesStored = false;
  const assertAlive = (): void => {
    if (isDead) throw new Error('this process was killed');
  };
  return {
    driver: store.driver,
    durable: store.durable,
    maxPayloadBytes: store.maxPayloadBytes,
    records: (prefix) => store.records(prefix),
    append: async (...args) => {
      assertAlive();
      return await store.append(...args);
    },
    commit: (change) => {
      assertAlive();
      store.commit(change);
      isDead = diesStored && (change.cites ?? []).length > 0;
    },
    read: (...args) => store.read(...args),
    stats: () => store.stats(),
    close: async () => {},
    get isDead() {
      return isDead;
    },
    die: () => {
      isDead = true;
    },
    dieWhenStored: () => {
      diesStored = true;
    },
  };
}
