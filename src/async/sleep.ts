import { type Clock, systemClock } from './clock.ts';
import { onAbort } from './on-abort.ts';

/** Resolves after `delayMs`; rejects with the signal's reason as soon as it fires. */
export function sleep(
  delayMs: number,
  options: { readonly clock?: Clock; readonly signal: AbortSignal },
): Promise<void> {
  const { clock = systemClock, signal } = options;
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason);
      return;
    }
    const unfollow = onAbort(signal, () => {
      callOff();
      reject(signal.reason);
    });
    const callOff = clock.schedule(delayMs, () => {
      unfollow();
      resolve();
    });
  });
}

/** As {@link sleep}, but resolves when the signal fires, for loops that look at it themselves. */
export async function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  // It rejects with nothing but the signal's reason, which the caller has.
  await sleep(delayMs, { signal }).catch(() => {});
}
