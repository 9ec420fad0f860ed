import type { PoolSettings } from './options.ts';
import type { KeyState, Waiter } from './slot.ts';

/** In how long time alone changes something: somebody starves, a pause is over, an idle sandbox is too old. */
export function nextWakeMs(
  { clock, fairnessMs, idleMs, lifetimeMs }: PoolSettings,
  keys: Iterable<KeyState>,
  waiters: Iterable<Waiter>,
): number | undefined {
  const nowMs = clock.now();
  const times: number[] = [];
  for (const { sinceMs } of waiters) {
    if (nowMs - sinceMs < fairnessMs) {
      times.push(sinceMs + fairnessMs - nowMs);
      break;
    }
  }
  for (const { breaker, waiting, minIdle, idle } of keys) {
    const pauseMs = breaker.waitMs(nowMs);
    if (pauseMs !== undefined && (waiting > 0 || minIdle > 0)) times.push(pauseMs);
    for (const { bornMs, idleSinceMs } of idle)
      times.push(
        bornMs + lifetimeMs - nowMs,
        idle.length > minIdle ? idleSinceMs + idleMs - nowMs : Infinity,
      );
  }
  const soonest = Math.min(Infinity, ...times);
  return soonest === Infinity ? undefined : Math.max(0, soonest);
}
