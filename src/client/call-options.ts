import type { CallOptions as ConnectCallOptions } from '@connectrpc/connect';

/** Options of any call. */
export interface CallOptions {
  /** Deadline of this call; the connection's default (60 s) for unary calls, none for streams. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** As Connect's clients take them. */
export function toConnect(options: CallOptions = {}): ConnectCallOptions {
  return {
    ...(options.timeoutMs !== undefined && { timeoutMs: options.timeoutMs }),
    ...(options.signal !== undefined && { signal: options.signal }),
  };
}
