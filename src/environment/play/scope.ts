import { LachesisError } from '../../errors.ts';

/**
 * A stretch of work that has a deadline and may be cancelled from outside: its signal fires with the
 * outer signal's own reason, or with a `deadline_exceeded`. Disposing of it clears its timer.
 */
export interface Scope extends Disposable {
  readonly signal: AbortSignal;
}

/** Opens a scope of at most `timeoutMs`; `what` is for the deadline's message. */
export function openScope(
  what: string,
  reason: string,
  timeoutMs: number,
  outer: AbortSignal,
): Scope {
  const controller = new AbortController();
  const expire = (): void =>
    controller.abort(
      new LachesisError('deadline_exceeded', `${what} took longer than ${timeoutMs} ms.`, {
        reason,
      }),
    );
  const cancel = (): void => controller.abort(outer.reason);
  // Node clamps longer delays to 1 ms; a limit of 24 days is as good as none.
  const timer = timeoutMs < 2 ** 31 ? setTimeout(expire, timeoutMs) : undefined;
  if (outer.aborted) cancel();
  else outer.addEventListener('abort', cancel, { once: true });
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      clearTimeout(timer);
      outer.removeEventListener('abort', cancel);
    },
  };
}

/**
 * The promise, or the signal's reason as soon as it fires: user code that ignores its signal must
 * not hold a rollout. What the abandoned promise still brings is handed to `late`.
 */
export function abortable<Value>(
  work: () => Value | Promise<Value>,
  signal: AbortSignal,
  late?: (value: Value) => void,
): Promise<Value> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason);
      return;
    }
    let abandoned = false;
    const abandon = (): void => {
      abandoned = true;
      reject(signal.reason);
    };
    signal.addEventListener('abort', abandon, { once: true });
    Promise.resolve()
      .then(work)
      .then(
        (value) => (abandoned ? late?.(value) : resolve(value)),
        (error: unknown) => reject(error),
      )
      .finally(() => signal.removeEventListener('abort', abandon));
  });
}
