import type { RunSettings } from '../../src/broker/index.ts';
import { settings } from '../../test/broker/support/groups.ts';

/** A run that takes whatever comes, in batches of so many rows. */
export function runSettings(rows: number): RunSettings {
  return settings({ batchSize: { kind: 'rows', rows }, maxWaitingGroups: 2 ** 31 - 1 });
}
