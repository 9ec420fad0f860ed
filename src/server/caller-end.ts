import { Code, ConnectError } from '@connectrpc/connect';
import { LachesisError } from '../errors.ts';

/** The end of a call, as its handler sees it. */
export interface CallEnd {
  /** What is left of the caller's deadline; undefined without one. */
  readonly timeoutMs: () => number | undefined;
  /** Fires when the caller is gone. */
  readonly signal: AbortSignal;
}

/** Clocks of both ends differ by less; and a deadline's cancel is sent a little before it. */
const DEADLINE_SLACK_MS = 100;

/**
 * Why a rollout ends when its caller does. A client resets the stream at its own deadline, often
 * just before the deadline fires here, so a cancel with no time left is taken for one.
 */
export function callerEnd(
  reason: unknown,
  { timeoutMs }: Pick<CallEnd, 'timeoutMs'>,
): LachesisError {
  const late =
    (timeoutMs() ?? Infinity) <= DEADLINE_SLACK_MS ||
    (reason instanceof ConnectError && reason.code === Code.DeadlineExceeded);
  return late
    ? new LachesisError('deadline_exceeded', "the caller's deadline passed.", {
        reason: 'CALLER_DEADLINE',
      })
    : new LachesisError('cancelled', 'the caller left.', { reason: 'CALLER_LEFT' });
}

/** A scope that ends with the call, for a reason that rollouts understand, or when it is disposed of. */
export function callerScope(call: CallEnd): Disposable & {
  readonly signal: AbortSignal;
  /** Ends the scope before the call's own signal does. */
  end(reason?: unknown): void;
} {
  const controller = new AbortController();
  const end = (reason?: unknown): void => controller.abort(callerEnd(reason, call));
  const onAbort = (): void => end(call.signal.reason);
  if (call.signal.aborted) onAbort();
  else call.signal.addEventListener('abort', onAbort, { once: true });
  return {
    signal: controller.signal,
    end,
    [Symbol.dispose]: () => {
      call.signal.removeEventListener('abort', onAbort);
      end();
    },
  };
}
