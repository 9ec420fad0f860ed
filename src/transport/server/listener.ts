import * as net from 'node:net';
import * as tls from 'node:tls';
import { abortInterceptor } from '../interceptors/abort.ts';
import { deadlineInterceptor } from '../interceptors/deadline.ts';
import { errorInterceptor } from '../interceptors/errors.ts';
import { observeInterceptor } from '../interceptors/observe.ts';
import { drainListener } from './drain.ts';
import { createHttp1Server, createHttp2Server } from './http-servers.ts';
import {
  type ListenerConfig,
  type ListenerOptions,
  resolveListenerOptions,
} from './listener-options.ts';
import type { NodeResponse } from './node-http.ts';
import { createRequestHandler } from './request-handler.ts';
import { createRpcHandlers } from './rpc-handler.ts';
import { trackSessions } from './sessions.ts';
import { sniff } from './sniff.ts';

export interface ListenerAddress {
  readonly host: string;
  readonly port: number;
  /** `http://127.0.0.1:50051`, `https://...` with TLS. */
  readonly url: string;
}

/** What is open right now. */
export interface ListenerStats {
  readonly connections: number;
  readonly http2Sessions: number;
  readonly http2Streams: number;
  /** Exchanges whose response is not over. */
  readonly exchanges: number;
}

/** A started server: one port that speaks gRPC, gRPC-Web, Connect and plain HTTP. */
export interface Listener extends AsyncDisposable {
  readonly address: ListenerAddress;
  /** Fires when a drain aborts what outlived its grace, with a ConnectError UNAVAILABLE as reason. */
  readonly shutdownSignal: AbortSignal;
  stats(): ListenerStats;
  /**
   * Stops accepting, lets what runs finish for `graceMs`, aborts the rest with UNAVAILABLE, then
   * closes. `signal` cuts the grace short. Repeated calls share the first one's outcome.
   */
  drain(graceMs: number, options?: { readonly signal?: AbortSignal }): Promise<void>;
  /** `drain(0)`. */
  close(): Promise<void>;
}

/** Binds and serves. Rejects when the address can't be bound. */
export async function startListener(options: ListenerOptions): Promise<Listener> {
  const config = resolveListenerOptions(options);
  const shutdown = new AbortController();
  const exchanges = new Set<NodeResponse>();
  const sockets = new Set<net.Socket>();

  const rpcs = createRpcHandlers(config, kitInterceptors(config), shutdown.signal);
  const handle = createRequestHandler({
    config,
    rpcs,
    onExchange: (_request, response) => {
      exchanges.add(response);
      response.once('close', () => exchanges.delete(response));
    },
  });
  const http1 = createHttp1Server(config, handle);
  const h2 = createHttp2Server(config, handle);
  const sessions = trackSessions(h2, config.limits, config.timeouts, config.logger);

  const accept = (socket: net.Socket): void => {
    socket.setNoDelay(true);
    const toHttp1 = (ready: net.Socket): void => void http1.emit('connection', ready);
    const toHttp2 = (ready: net.Socket): void => void h2.emit('connection', ready);
    if ('alpnProtocol' in socket && socket.alpnProtocol === 'h2') toHttp2(socket);
    else if ('alpnProtocol' in socket && socket.alpnProtocol === 'http/1.1') toHttp1(socket);
    else {
      const timeoutMs = config.timeouts.firstByteMs;
      sniff(socket, { timeoutMs, onHttp1: toHttp1, onHttp2: toHttp2 });
    }
  };
  const server = createSocketServer(config, accept);
  server.on('connection', (socket: net.Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await bind(server, config);

  const address = addressOf(server, config);
  const parts = { server, http1, sessions, exchanges, sockets, shutdown };
  let ending: Promise<void> | undefined;
  const drain: Listener['drain'] = (graceMs, { signal } = {}) => {
    ending ??= drainListener(parts, { graceMs, abortMs: config.timeouts.abortMs, signal });
    return ending;
  };
  return {
    address,
    shutdownSignal: shutdown.signal,
    stats: () => ({
      connections: sockets.size,
      http2Sessions: sessions.sessionCount,
      http2Streams: sessions.streamCount,
      exchanges: exchanges.size,
    }),
    drain,
    close: () => drain(0),
    [Symbol.asyncDispose]: () => drain(0),
  };
}

/** Outermost first: errors see everything; observation sees what the caller's own interceptors did. */
function kitInterceptors(config: ListenerConfig) {
  const { logger, metrics, errorDetails, timeouts } = config;
  return [
    errorInterceptor({ logger, errorDetails }),
    observeInterceptor({ logger, metrics }),
    abortInterceptor(),
    deadlineInterceptor({ unaryMs: timeouts.unaryMs }),
    ...config.interceptors,
  ];
}

function createSocketServer(
  config: ListenerConfig,
  accept: (socket: net.Socket) => void,
): net.Server {
  const { tls: secure, limits, timeouts, logger } = config;
  if (secure === undefined) {
    const server = net.createServer({ noDelay: true }, accept);
    server.maxConnections = limits.maxConnections;
    return server;
  }
  const mutual = secure.clientCa !== undefined;
  const server = tls.createServer(
    {
      cert: secure.cert,
      key: secure.key,
      minVersion: secure.minVersion ?? 'TLSv1.3',
      ALPNProtocols: ['h2', 'http/1.1'],
      handshakeTimeout: timeouts.handshakeMs,
      requestCert: mutual,
      rejectUnauthorized: mutual && secure.requireClientCertificate !== false,
      ...(secure.clientCa !== undefined && { ca: secure.clientCa }),
    },
    accept,
  );
  server.maxConnections = limits.maxConnections;
  server.on('tlsClientError', (error, socket) => {
    logger.info('tls handshake failed', { error });
    // Node reports a handshake timeout here and otherwise leaves the socket open.
    socket.destroy();
  });
  return server;
}

async function bind(server: net.Server, config: ListenerConfig): Promise<void> {
  const bound = Promise.withResolvers<void>();
  server.once('error', bound.reject);
  server.listen({ host: config.host, port: config.port }, bound.resolve);
  await bound.promise;
  server.off('error', bound.reject);
  server.on('error', (error) => config.logger.error('accept failed', { error }));
}

function addressOf(server: net.Server, config: ListenerConfig): ListenerAddress {
  const bound = server.address() as net.AddressInfo;
  const host = bound.family === 'IPv6' ? `[${bound.address}]` : bound.address;
  const scheme = config.tls === undefined ? 'http' : 'https';
  return Object.freeze({
    host: bound.address,
    port: bound.port,
    url: `${scheme}://${host}:${bound.port}`,
  });
}
