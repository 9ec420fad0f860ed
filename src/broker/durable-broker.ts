import { LachesisError } from '../errors.ts';
import type { Broker } from './broker.ts';
import { BrokerShell } from './broker-shell.ts';
import type { GroupPayload } from './group-payload.ts';
import { LongRecords } from './journal/long-records.ts';
import { readAssignments, readLeftovers, readRuns } from './journal/read-journal.ts';
import { StoreJournal } from './journal/store-journal.ts';
import { storePayload } from './journal/stored-payload.ts';
import { type MemoryBrokerOptions, resolveBrokerOptions } from './options.ts';
import { LOST_PREFIX } from './stores/lost-payloads.ts';
import type { BrokerStore } from './stores/store.ts';

const MAX_WAITING_BYTES = 2 ** 40;

export interface DurableBrokerOptions extends MemoryBrokerOptions {
  /** Closed with the broker. Nobody else may write to it meanwhile. */
  readonly store: BrokerStore;
  /** Told once when the store fails; every call fails from then on, and what was accepted is kept. */
  readonly onFailure?: (error: Error) => void;
}

/**
 * A broker whose groups, batches and assignments outlive it: whatever it answers is in its store first,
 * and opened again it goes on where it was. Leases begin anew then, held by who held them.
 */
export function openDurableBroker({
  store,
  onFailure = () => {},
  ...options
}: DurableBrokerOptions): Broker {
  const records = new LongRecords(store);
  const runs = readRuns(store, records);
  const assignments = readAssignments(records, runs);
  const leftovers = readLeftovers(records, runs);
  const journal = new StoreJournal(store, records, onFailure);
  const broker = new BrokerShell(resolveBrokerOptions(onDisk(options)), {
    journal,
    runs,
    assignments,
    leftovers,
    keep: async (group, { signal }) => {
      journal.assertRoom();
      const { id, runId, payload } = group;
      const abandon = (begun: GroupPayload): void => journal.release(begun);
      try {
        const label = `${runId}/${id}`;
        return {
          ...group,
          payload: await storePayload(store, label, payload, { signal, abandon }),
        };
      } catch (error) {
        if (isOfDisk(error)) journal.fail(error);
        throw error;
      }
    },
    async close() {
      journal.flush();
      await store.close();
    },
  });
  // Noted by whoever repaired the store; what comes to lie in the same place is another's.
  journal.removeUnder(LOST_PREFIX);
  return broker;
}

/** Waiting bytes lie on the disk, whose end the store tells. */
function onDisk(options: MemoryBrokerOptions): MemoryBrokerOptions {
  return { ...options, limits: { maxWaitingBytes: MAX_WAITING_BYTES, ...options.limits } };
}

/** A full one gets room again; one that fails is for its owner to mend, who must hear of it. */
function isOfDisk(error: unknown): boolean {
  if (!(error instanceof LachesisError)) return false;
  return error.reason === 'STORE_FAILED' || error.reason === 'STORE_BROKEN';
}
