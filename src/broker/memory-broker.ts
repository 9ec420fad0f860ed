import type { Broker } from './broker.ts';
import { BrokerShell } from './broker-shell.ts';
import { noJournal } from './journal/journal.ts';
import { type MemoryBrokerOptions, resolveBrokerOptions } from './options.ts';

/**
 * A broker that keeps everything in memory: lost with the process, and bounded by its limits. Leases
 * expire when someone looks; the one timer it has runs only while someone waits.
 */
export function createMemoryBroker(options: MemoryBrokerOptions = {}): Broker {
  return new BrokerShell(resolveBrokerOptions(options), {
    journal: noJournal,
    runs: [],
    assignments: [],
    leftovers: new Map(),
    close: async () => {},
  });
}
