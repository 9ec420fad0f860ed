import type { ListenerLimits, ListenerTimeouts } from '../../../src/transport/index.ts';

/** `serve`: what `lachesis serve` starts. `stock`: `connectNodeAdapter` on Node's default servers. */
export type ListenerKind = 'serve' | 'stock';

/** What a test may ask of the server it starts. Must survive JSON. */
export interface UnderTestOptions {
  /** A bearer token that every call must carry. `serve` only. */
  readonly token?: string;
  /** The only limit that the stock adapter is given too; undefined leaves each with its default. */
  readonly readMaxBytes?: number;
  /** Default: an ephemeral one. `serve` only; for a restart at the same address. */
  readonly port?: number;
  readonly limits?: Partial<ListenerLimits>;
  readonly timeouts?: Partial<ListenerTimeouts>;
}

export interface StartedMessage {
  readonly type: 'started';
  readonly http1Port: number;
  readonly http2Port: number;
}

/** A look inside the server process. */
export interface ServerStats {
  readonly type: 'stats';
  readonly streams: number;
  /** Largest sum of ArrayBuffers seen, virtual memory included. */
  readonly peakArrayBufferBytes: number;
  readonly calls: number;
  /** Messages of the log at level error. */
  readonly errorsLogged: readonly string[];
}
