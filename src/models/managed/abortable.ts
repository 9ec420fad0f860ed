/** `promise`, or the signal's reason `graceMs` after it fires, whichever comes first. */
export async function abortable<Value>(
  promise: Promise<Value>,
  signal: AbortSignal,
  graceMs = 0,
): Promise<Value> {
  const given = Promise.withResolvers<never>();
  let timer: NodeJS.Timeout | undefined;
  const giveUp = (): void => given.reject(signal.reason);
  const fired = (): void => {
    if (graceMs > 0) timer = setTimeout(giveUp, graceMs);
    else giveUp();
  };
  if (signal.aborted) fired();
  else signal.addEventListener('abort', fired, { once: true });
  try {
    return await Promise.race([promise, given.promise]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', fired);
    // Whichever lost may still reject, and nobody is left to hear it.
    promise.catch(() => {});
    given.promise.catch(() => {});
  }
}
