import { Code, ConnectError } from '@connectrpc/connect';
import { sleep } from '../../async/index.ts';
import { linkSignal } from './link-signal.ts';
import { DEFAULT_RETRY_POLICY, type RetryPolicy, retryDelayMs } from './retry-policy.ts';

export interface Reconnection<Cursor> {
  /** Failures in a row without a value in between, from 1. */
  readonly failedAttempts: number;
  readonly error: unknown;
  /** Where the next attempt starts; undefined: from the beginning. */
  readonly cursor: Cursor | undefined;
  readonly delayMs: number;
}

export interface ResumeStreamOptions<Value, Cursor> {
  /** The cursor to continue after this value; undefined when the value carries none (a heartbeat). */
  readonly cursorOf: (value: Value) => Cursor | undefined;
  /** Where to start. Default: from the beginning. */
  readonly after?: Cursor;
  /** Which failures are worth another attempt. Default: UNAVAILABLE. */
  readonly isTransient?: (error: unknown) => boolean;
  /** `maxAttempts` counts failures in a row. Default: as for unary calls. */
  readonly policy?: Partial<RetryPolicy>;
  readonly onReconnect?: (reconnection: Reconnection<Cursor>) => void;
  /** Randomness in [0, 1) and waiting, for tests. */
  readonly random?: () => number;
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly signal?: AbortSignal;
}

/**
 * A server stream that survives its connections: after a transient failure it is opened again
 * after the last cursor seen. Where the server keeps "after this cursor" exact, the consumer sees
 * no gap and no repeat; a cursor that is too old ends it with the server's OUT_OF_RANGE.
 */
export async function* resumeStream<Value, Cursor>(
  open: (
    after: Cursor | undefined,
    options: { readonly signal: AbortSignal },
  ) => AsyncIterable<Value>,
  options: ResumeStreamOptions<Value, Cursor>,
): AsyncGenerator<Value, void, void> {
  const { cursorOf, isTransient = isUnavailable, onReconnect, signal } = options;
  const { random = Math.random, wait = (ms, signal) => sleep(ms, { signal }) } = options;
  const policy = { ...DEFAULT_RETRY_POLICY, ...options.policy };
  let cursor = options.after;
  let failedAttempts = 0;
  for (;;) {
    const link = linkSignal(signal);
    try {
      for await (const value of open(cursor, { signal: link.signal })) {
        failedAttempts = 0;
        cursor = cursorOf(value) ?? cursor;
        yield value;
      }
      return;
    } catch (error) {
      if (signal?.aborted === true || !isTransient(error)) throw error;
      failedAttempts += 1;
      const delayMs = retryDelayMs(policy, { failedAttempts, random: random() });
      if (delayMs === undefined) throw error;
      onReconnect?.({ failedAttempts, error, cursor, delayMs });
      await wait(delayMs, link.signal);
    } finally {
      link.unlink();
      // Also when the consumer left: a source without `return` ends by its signal.
      link.abort(new ConnectError('the stream was given up', Code.Canceled));
    }
  }
}

function isUnavailable(error: unknown): boolean {
  return error instanceof ConnectError && error.code === Code.Unavailable;
}
