import type { PoolSettings } from './options.ts';
import type { KeyState } from './slot.ts';

/** In how long time alone changes something: a pause is over, an idle sandbox is too old. */
export function nextWakeMs(
  { clock, idleMs }: PoolSettings,
  keys: Iterable<KeyState>,
): number | undefined {
  const nowMs = clock.now();
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
