import type { PoolKeyStats, PoolStats } from './pool.ts';
import type { KeyState } from './slot.ts';

const COUNTS = ['creating', 'idle', 'leased', 'resetting', 'closing', 'waiting'] as const;

export function poolStats(keys: Iterable<KeyState>): PoolStats {
  const byKey = Array.from(keys, (key): PoolKeyStats => {
    const { created, reused } = key;
    return { ...key.counts(), created, reused };
  });
  const totals = COUNTS.map((name) => [name, byKey.reduce((sum, key) => sum + key[name], 0)]);
  return { ...(Object.fromEntries(totals) as Omit<PoolStats, 'byKey'>), byKey };
}
