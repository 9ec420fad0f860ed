/** A signal that fires with its parent's reason, or at a deadline with {@link Deadline.expired} true. */
export interface Deadline extends Disposable {
  readonly signal: AbortSignal;
  /** True when the time ran out before the parent fired. */
  readonly expired: boolean;
}

/** Links `parent` to a deadline; `timeoutMs` 0 is none. Dispose it to give timer and listener back. */
export function startDeadline(parent: AbortSignal, timeoutMs: number): Deadline {
  const controller = new AbortController();
  let expired = false;
  const forward = (): void => controller.abort(parent.reason);
  if (parent.aborted) forward();
  else parent.addEventListener('abort', forward, { once: true });
  const timer =
    timeoutMs > 0
      ? setTimeout(() => {
          expired = !controller.signal.aborted;
          controller.abort(new DOMException(`No answer within ${timeoutMs} ms.`, 'TimeoutError'));
        }, timeoutMs)
      : undefined;
  return {
    signal: controller.signal,
    get expired() {
      return expired;
    },
    [Symbol.dispose]() {
      clearTimeout(timer);
      parent.removeEventListener('abort', forward);
    },
  };
}
