import type { ConnectRouter, Interceptor } from '@connectrpc/connect';
import { type Logger, type MetricsRegistry, silentLogger } from '../../telemetry/index.ts';
import type { ErrorDetailsOf } from '../error-codes.ts';
import type { Authorizer } from './authorize.ts';
import type { FallbackRoute } from './fallback.ts';

export interface ListenerTls {
  /** PEM of the server's certificate chain and of its key. */
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
  /** PEM of the authorities that sign client certificates. Given: mutual TLS, and a client without one is refused. */
  readonly clientCa?: string | Buffer;
  /** With `clientCa`: whether a client must show a certificate. Default: true. */
  readonly requireClientCertificate?: boolean;
  /** Default: TLSv1.3. */
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3';
}

/** Sizes and counts that one peer may use. */
export interface ListenerLimits {
  /** Largest request message after decompression. Default: 16 MiB. Beyond: RESOURCE_EXHAUSTED. */
  readonly readMaxBytes: number;
  /** Largest response message. Default: 16 MiB. Beyond: RESOURCE_EXHAUSTED, which shows the mistake here and not in a client. */
  readonly writeMaxBytes: number;
  /** Streams open at once on one HTTP/2 connection. Default: 4,096; long streams must fit beside calls. */
  readonly maxConcurrentStreams: number;
  /** Unread bytes per stream. Default: 1 MiB. */
  readonly streamWindowBytes: number;
  /** Unread bytes per connection. Default: 16 MiB. */
  readonly connectionWindowBytes: number;
  /** Open sockets; further ones are dropped on accept. Default: 4,096. */
  readonly maxConnections: number;
  /** Bytes of all headers of a request. Default: 32 KiB. */
  readonly maxHeaderBytes: number;
  /** Bytes of an unwanted request body that are read and dropped before its stream is closed. Default: 8 MiB. */
  readonly settleMaxBytes: number;
}

/** How long one peer may take. */
export interface ListenerTimeouts {
  /** From accept to the first bytes, and to HTTP/2's first settings. Default: 10 s. */
  readonly firstByteMs: number;
  /** HTTP/1.1: from the first byte to the end of the headers. Default: 10 s. */
  readonly headersMs: number;
  /** HTTP/1.1: from the first byte to the end of the body. Default: 5 min. */
  readonly requestMs: number;
  /** HTTP/1.1: how long an idle connection is kept. Default: 60 s. */
  readonly idleMs: number;
  /** TLS handshake. Default: 10 s. */
  readonly handshakeMs: number;
  /** HTTP/2: pause between pings. Default: 30 s. */
  readonly pingIntervalMs: number;
  /** HTTP/2: a ping unanswered for so long ends the connection. Default: 30 s, since a peer that computes for long answers late. */
  readonly pingTimeoutMs: number;
  /** How long the rest of an unwanted request body is read before its stream is closed. Default: 2 s. */
  readonly settleMs: number;
  /** How long `authorize` may take. Default: 5 s; then UNAVAILABLE. */
  readonly authorizeMs: number;
  /** Deadline of a unary call whose client set none. Default: 60 s. Streams are exempt. */
  readonly unaryMs: number;
  /** Drain: from the abort of what outlived the grace to its destruction. Default: 500 ms. */
  readonly abortMs: number;
}

export interface ListenerOptions {
  /** Registers the services, as for `connectNodeAdapter`. */
  readonly routes: (router: ConnectRouter) => void;
  /** Address to bind. Default: 127.0.0.1. */
  readonly host?: string;
  /** Default: 0, an ephemeral port; `Listener.address` has the real one. */
  readonly port?: number;
  readonly tls?: ListenerTls;
  /** Asked before a body is read, for every request but public fallbacks. Default: everyone may. */
  readonly authorize?: Authorizer;
  /** Plain HTTP handlers by path prefix (`/metrics`, `/v1/`); the longest one that fits wins. */
  readonly fallbacks?: Readonly<Record<string, FallbackRoute>>;
  /** Innermost last; all of them run inside the kit's own (errors, metrics, deadline). */
  readonly interceptors?: readonly Interceptor[];
  /** Typed details of an error on the wire. Default: none. */
  readonly errorDetails?: ErrorDetailsOf;
  /** DNS names that a request may address, `*.example.org` for all below one. IP addresses, `localhost` and `host` always pass. */
  readonly allowedHosts?: readonly string[];
  /** Origins of web pages that may call (`https://app.example.org`). Default: none. */
  readonly allowedOrigins?: readonly string[];
  readonly limits?: Partial<ListenerLimits>;
  readonly timeouts?: Partial<ListenerTimeouts>;
  readonly logger?: Logger;
  readonly metrics?: MetricsRegistry;
}

export interface ListenerConfig extends Omit<ListenerOptions, 'limits' | 'timeouts'> {
  readonly host: string;
  readonly port: number;
  readonly fallbacks: Readonly<Record<string, FallbackRoute>>;
  readonly interceptors: readonly Interceptor[];
  readonly allowedHosts: readonly string[];
  readonly allowedOrigins: readonly string[];
  readonly limits: ListenerLimits;
  readonly timeouts: ListenerTimeouts;
  readonly logger: Logger;
}

const MIB = 1_048_576;

export const DEFAULT_LISTENER_LIMITS: ListenerLimits = Object.freeze({
  readMaxBytes: 16 * MIB,
  writeMaxBytes: 16 * MIB,
  maxConcurrentStreams: 4_096,
  streamWindowBytes: MIB,
  connectionWindowBytes: 16 * MIB,
  maxConnections: 4_096,
  maxHeaderBytes: 32_768,
  settleMaxBytes: 8 * MIB,
});

export const DEFAULT_LISTENER_TIMEOUTS: ListenerTimeouts = Object.freeze({
  firstByteMs: 10_000,
  headersMs: 10_000,
  requestMs: 300_000,
  idleMs: 60_000,
  handshakeMs: 10_000,
  pingIntervalMs: 30_000,
  pingTimeoutMs: 30_000,
  settleMs: 2_000,
  authorizeMs: 5_000,
  unaryMs: 60_000,
  abortMs: 500,
});

export function resolveListenerOptions(options: ListenerOptions): ListenerConfig {
  return Object.freeze({
    ...options,
    host: options.host ?? '127.0.0.1',
    port: options.port ?? 0,
    fallbacks: Object.freeze({ ...options.fallbacks }),
    interceptors: Object.freeze([...(options.interceptors ?? [])]),
    allowedHosts: Object.freeze([...(options.allowedHosts ?? [])]),
    allowedOrigins: Object.freeze([...(options.allowedOrigins ?? [])]),
    limits: Object.freeze({ ...DEFAULT_LISTENER_LIMITS, ...options.limits }),
    timeouts: Object.freeze({ ...DEFAULT_LISTENER_TIMEOUTS, ...options.timeouts }),
    logger: options.logger ?? silentLogger,
  });
}
