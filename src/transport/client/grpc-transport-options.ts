import type { Interceptor } from '@connectrpc/connect';
import { type ChannelCredentials, type ChannelOptions, credentials } from '@grpc/grpc-js';
import { invalidInput } from '../../errors.ts';
import { DEFAULT_RETRY_POLICY, type RetryPolicy } from './retry-policy.ts';

export interface ClientTls {
  /** PEM of the authorities that sign the server's certificate. Default: the system's. */
  readonly ca?: string | Buffer;
  /** PEM of this client's certificate and key, for mutual TLS. */
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  /** The name expected in the server's certificate, when it differs from the address. */
  readonly serverName?: string;
}

/**
 * The bearer token of the next call, to a service of this name; undefined sends none. Asked per call, so a
 * rotated token is picked up.
 */
export type TokenSource = (service: string) => string | undefined | Promise<string | undefined>;

export interface GrpcTransportOptions {
  /** `http://127.0.0.1:50051` or `https://...`; a path is not allowed. */
  readonly baseUrl: string;
  readonly tls?: ClientTls;
  readonly token?: TokenSource;
  /** Outermost first. Retries happen inside all of them. */
  readonly interceptors?: readonly Interceptor[];
  /** Deadline of a unary call that sets none. Default: 60 s; 0 for none. Streams have none of their own. */
  readonly unaryTimeoutMs?: number;
  /** Largest response message. Default: 64 MiB. Beyond: RESOURCE_EXHAUSTED. */
  readonly maxReceiveBytes?: number | 'unlimited';
  /** Largest request message. Default: 64 MiB; the server's own limit is usually lower. */
  readonly maxSendBytes?: number | 'unlimited';
  /**
   * Upload bytes that may be handed to the channel before the server takes them, beside the
   * flow control window; a stream's writer waits beyond. Default: 256 KiB.
   */
  readonly maxBufferedBytes?: number;
  /**
   * Receive window of each stream and of the connection. Default: HTTP/2's 65,535, which is
   * safe. A larger one speeds downloads over long routes, but only set it on a transport that
   * never uploads in bulk at the same time: Node reads nothing from an HTTP/2 socket while a
   * write is pending, so two Node peers with more in flight both ways than the kernel buffers
   * wait for each other until keepalive ends the connection.
   */
  readonly downloadWindowBytes?: number;
  /** Ping while calls are open, and how long an answer may take. Default: 20 s, 20 s. */
  readonly keepaliveIntervalMs?: number;
  readonly keepaliveTimeoutMs?: number;
  /** Back-off between connection attempts. Default: 100 ms to 5 s. */
  readonly reconnectInitialMs?: number;
  readonly reconnectMaxMs?: number;
  /** True: a call waits for a connection until its deadline instead of failing with UNAVAILABLE. Default: false. */
  readonly waitForReady?: boolean;
  /** Retries of idempotent unary calls on UNAVAILABLE; `false` for none. */
  readonly retry?: Partial<RetryPolicy> | false;
  /** Whether `http_proxy` and the like are honoured. Default: false. */
  readonly useHttpProxy?: boolean;
}

export interface GrpcTransportConfig {
  readonly baseUrl: string;
  readonly target: string;
  readonly channelCredentials: ChannelCredentials;
  readonly channelOptions: ChannelOptions;
  readonly token: TokenSource | undefined;
  readonly interceptors: readonly Interceptor[];
  readonly unaryTimeoutMs: number | undefined;
  readonly maxSendBytes: number;
  readonly waitForReady: boolean;
  readonly retry: RetryPolicy | undefined;
}

const MIB = 1_048_576;
const UNLIMITED = -1;

/** Throws `invalid_input` when the URL is no origin or TLS options meet a plain one. */
export function resolveGrpcTransportOptions(options: GrpcTransportOptions): GrpcTransportConfig {
  const url = parseBaseUrl(options);
  const receive = options.maxReceiveBytes ?? 64 * MIB;
  const send = options.maxSendBytes ?? 64 * MIB;
  const unaryTimeoutMs = options.unaryTimeoutMs ?? 60_000;
  return Object.freeze({
    baseUrl: url.origin,
    target: `dns:${url.hostname}:${url.port || (url.protocol === 'https:' ? '443' : '80')}`,
    channelCredentials: credentialsOf(url, options.tls),
    channelOptions: {
      'grpc.max_receive_message_length': receive === 'unlimited' ? UNLIMITED : receive,
      'grpc.max_send_message_length': UNLIMITED,
      'grpc.keepalive_time_ms': options.keepaliveIntervalMs ?? 20_000,
      'grpc.keepalive_timeout_ms': options.keepaliveTimeoutMs ?? 20_000,
      'grpc.initial_reconnect_backoff_ms': options.reconnectInitialMs ?? 100,
      'grpc.max_reconnect_backoff_ms': options.reconnectMaxMs ?? 5_000,
      // Until a call is answered its messages are kept for a transparent retry, and are reported
      // as written at once up to this size: the bound on an upload that nobody reads.
      'grpc.per_rpc_retry_buffer_size': options.maxBufferedBytes ?? 262_144,
      // A connection belongs to its transport: bulk and control must not share one by accident.
      'grpc.use_local_subchannel_pool': 1,
      'grpc.service_config_disable_resolution': 1,
      'grpc.enable_http_proxy': options.useHttpProxy === true ? 1 : 0,
      'grpc.primary_user_agent': 'lachesis',
      ...(options.downloadWindowBytes !== undefined && {
        'grpc-node.flow_control_window': options.downloadWindowBytes,
      }),
      ...(options.tls?.serverName !== undefined && {
        'grpc.ssl_target_name_override': options.tls.serverName,
      }),
    },
    token: options.token,
    interceptors: Object.freeze([...(options.interceptors ?? [])]),
    unaryTimeoutMs: unaryTimeoutMs > 0 ? unaryTimeoutMs : undefined,
    maxSendBytes: send === 'unlimited' ? Infinity : send,
    waitForReady: options.waitForReady ?? false,
    retry:
      options.retry === false
        ? undefined
        : Object.freeze({ ...DEFAULT_RETRY_POLICY, ...options.retry }),
  });
}

function parseBaseUrl({ baseUrl, tls }: GrpcTransportOptions): URL {
  const url = URL.canParse(baseUrl) ? new URL(baseUrl) : undefined;
  const isHttp = url?.protocol === 'http:' || url?.protocol === 'https:';
  if (url === undefined || !isHttp || url.pathname !== '/' || url.search !== '') {
    const given = JSON.stringify(baseUrl);
    throw invalidInput(
      'baseUrl',
      `${given} is no server address; use http://host:port or https://host:port.`,
    );
  }
  if (tls !== undefined && url.protocol !== 'https:') {
    throw invalidInput('tls', `given, but baseUrl ${baseUrl} is plain; use https://.`);
  }
  return url;
}

function credentialsOf(url: URL, tls: ClientTls | undefined): ChannelCredentials {
  if (url.protocol === 'http:') return credentials.createInsecure();
  const bytes = (pem: string | Buffer | undefined): Buffer | null =>
    pem === undefined ? null : Buffer.from(pem);
  return credentials.createSsl(bytes(tls?.ca), bytes(tls?.key), bytes(tls?.cert));
}
