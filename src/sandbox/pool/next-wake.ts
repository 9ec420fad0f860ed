import type { PoolSettings } from './options.ts';
import type { KeyState } from './slot.ts';

/**
 * In how long after `nowMs`, when it was last planned, time alone changes something: a pause is over, an idle
 * sandbox is too old. What came due since then was not planned for, so it counts as still to come.
 */
export function nextWakeMs(
  { idleMs }: Pick<PoolSettings, 'idleMs'>,
  keys: Iterable<KeyState>,
  nowMs: number,
): number | undefined {
  let soonest = Infinity;
  const at = (inMs: number): void => {
    soonest = Math.min(soonest, inMs);
  };
  for (const key of keys) {
    const { breaker, waiting, minIdle, idle } = key;
    if (waiting > 0 || minIdle > 0) at(breaker.waitMs(nowMs) ?? Infinity);
    else if (key.isUnused) at(breaker.calmInMs(nowMs));
    for (const { staleMs } of idle) at(staleMs - nowMs);
    // The longest idle is the first that goes.
    const [oldest] = idle;
    if (oldest !== undefined && idle.length > minIdle) at(oldest.idleSinceMs + idleMs - nowMs);
  }
  return soonest === Infinity ? undefined : Math.max(0, soonest);
}
