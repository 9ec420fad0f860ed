import { Code, ConnectError } from '@connectrpc/connect';
import { ErrorDetailSchema } from '../../gen/lachesis/v1/error_pb.ts';
import { sleep } from '../async/index.ts';
import { errorMessage, LachesisError } from '../errors.ts';
import { resumeStream, retryDelayMs } from '../transport/index.ts';
import type { CallOptions } from './call-options.ts';

/** What a client tells of its connection: once when it is lost, once when it is there again. */
export type ConnectionChange =
  | { readonly kind: 'lost'; readonly error: unknown }
  | { readonly kind: 'back'; readonly awayMs: number };

/** How a client goes on after its server restarted or its connection broke. */
export interface ReconnectOptions {
  /** The pause before the second attempt, at most; each later one is twice as long. Default: 100. */
  readonly initialMs?: number;
  /** The longest pause. Default: 5,000. */
  readonly maxMs?: number;
  readonly onChange?: (change: ConnectionChange) => void;
}

/** What an attempt is told beside its options. */
export interface Attempt extends CallOptions {
  /** From 0. */
  readonly number: number;
  /** Something came over the new connection. */
  readonly alive: () => void;
}

/**
 * Tries again what may be done twice, while the server is away: for as long as the caller's deadline and
 * signal allow, and never what the server refused in words of its own.
 */
export class Reconnector implements Disposable {
  readonly #options: Required<Omit<ReconnectOptions, 'onChange'>> | undefined;
  readonly #onChange: (change: ConnectionChange) => void;
  readonly #closing = new AbortController();
  #awaySinceMs: number | undefined;

  constructor(options: ReconnectOptions | false = {}) {
    const { initialMs = 100, maxMs = 5_000, onChange = () => {} } = options || {};
    this.#options = options === false ? undefined : { initialMs, maxMs };
    this.#onChange = onChange;
  }

  /** Without a `timeoutMs` each attempt has the connection's own deadline, and there is no end of attempts. */
  async call<T>(attempt: (call: Attempt) => Promise<T>, options: CallOptions = {}): Promise<T> {
    const { timeoutMs = Infinity, signal } = options;
    const startMs = performance.now();
    let failed = 0;
    let lost: unknown;
    const alive = (): void => {
      lost = undefined;
      this.#back();
    };
    for (let number = 0; ; number += 1) {
      const beginMs = performance.now();
      const leftMs = startMs + timeoutMs - beginMs;
      try {
        const limit = timeoutMs === Infinity ? {} : { timeoutMs: Math.max(1, leftMs) };
        const value = await attempt({ ...options, ...limit, number, alive });
        this.#back();
        return value;
      } catch (error) {
        // The last attempt's time ran out, and not because the server took long.
        if (lost !== undefined && isDeadline(error)) throw timedOut(lost);
        if (!this.#isLost(error, signal)) throw error;
        lost = error;
        // One that lasted for a while had a connection: this is a first failure again.
        failed = performance.now() - beginMs > this.#options!.maxMs ? 1 : failed + 1;
        const delayMs = this.#delayMs(failed);
        if (performance.now() + delayMs >= startMs + timeoutMs) throw timedOut(error);
        await this.#pause(delayMs, signal);
      }
    }
  }

  /** A stream of values whose newest is all that counts, or that goes on from a cursor. */
  stream<Value, Cursor>(
    open: (after: Cursor | undefined, signal: AbortSignal) => AsyncIterable<Value>,
    options: {
      readonly cursorOf: (value: Value) => Cursor | undefined;
      readonly after?: Cursor;
      readonly signal?: AbortSignal | undefined;
    },
  ): AsyncGenerator<Value, void, void> {
    const { cursorOf, after, signal } = options;
    return resumeStream<Value, Cursor>((cursor, { signal }) => open(cursor, signal), {
      cursorOf: (value) => {
        this.#back();
        return cursorOf(value);
      },
      isTransient: (error) => this.#isLost(error, signal),
      policy: { ...this.#options, multiplier: 2, maxAttempts: Infinity },
      wait: (ms, stopped) => this.#pause(ms, stopped),
      ...(after !== undefined && { after }),
      ...(signal !== undefined && { signal }),
    });
  }

  /** No attempt follows another any more. */
  [Symbol.dispose](): void {
    this.#closing.abort(new ConnectError('the client was closed', Code.Canceled));
  }

  /** Also notes that it is. */
  #isLost(error: unknown, signal: AbortSignal | undefined): boolean {
    if (this.#options === undefined) return false;
    if (signal?.aborted === true || this.#closing.signal.aborted) return false;
    if (!isConnectionLost(error)) return false;
    if (this.#awaySinceMs === undefined) {
      this.#awaySinceMs = performance.now();
      this.#onChange({ kind: 'lost', error });
    }
    return true;
  }

  #back(): void {
    const sinceMs = this.#awaySinceMs;
    this.#awaySinceMs = undefined;
    if (sinceMs === undefined) return;
    this.#onChange({ kind: 'back', awayMs: performance.now() - sinceMs });
  }

  #delayMs(failedAttempts: number): number {
    const policy = { ...this.#options!, multiplier: 2, maxAttempts: Infinity };
    return retryDelayMs(policy, { failedAttempts, random: Math.random() })!;
  }

  async #pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
    const closing = this.#closing.signal;
    await sleep(ms, {
      signal: signal === undefined ? closing : AbortSignal.any([signal, closing]),
    });
  }
}

/** Whether an answer did not come because of the connection; what the server refused is none of that. */
export function isConnectionLost(error: unknown): boolean {
  if (error instanceof LachesisError) return error.reason === 'STREAM_CUT_SHORT';
  if (!(error instanceof ConnectError) || error.code !== Code.Unavailable) return false;
  return error.findDetails(ErrorDetailSchema).length === 0;
}

function isDeadline(error: unknown): boolean {
  return error instanceof ConnectError && error.code === Code.DeadlineExceeded;
}

function timedOut(error: unknown): ConnectError {
  const message = `the deadline passed while the server was away: ${errorMessage(error)}`;
  return new ConnectError(message, Code.DeadlineExceeded, undefined, undefined, error);
}
