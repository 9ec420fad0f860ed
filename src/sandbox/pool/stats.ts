import type { PoolKeyStats, PoolStats } from './pool.ts';
import type { KeyState } from './slot.ts';

const COUNTS = ['creating', 'idle', 'leased', 'resetting', 'closing', 'waiting'] as const;

export function poolStats(keys: Iterable<KeyState>): PoolStats {
  const byKey = [...keys].map(
    ({
      key,
      creating,
      idle,
      leased,
      resetting,
      closing,
      waiting,
      created,
      reused,
    }): PoolKeyStats => ({
      ...{ key, creating, idle: idle.length, leased, resetting, closing, waiting, created, reused },
    }),
  );
  const totals = COUNTS.map((name) => [name, byKey.reduce((sum, key) => sum + key[name], 0)]);
  return { ...(Object.fromEntries(totals) as Omit<PoolStats, 'byKey'>), byKey };
}
