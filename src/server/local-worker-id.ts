import type { Broker } from '../broker/index.ts';
import type { LeaseTable } from './lease-table.ts';

/** The id of the worker in a server's own process, which nobody else may have. */
export function localWorkerIdOf(pid: number): string {
  return `serve-${pid}`;
}

export function isLocalWorkerId(id: string): boolean {
  return /^serve-\d+$/.test(id);
}

/**
 * At the start of a server: what its predecessor on this broker was playing itself died with it. Workers
 * elsewhere may live, and come back to theirs.
 */
export async function giveBackOfDead(broker: Broker, leases: LeaseTable): Promise<void> {
  const reason = 'the server that played it has stopped.';
  for (const lease of leases) {
    if (!isLocalWorkerId(lease.workerId)) continue;
    await broker.failAssignment({ ...lease, reason, permanent: false });
  }
}
