import * as http from 'node:http';
import * as http2 from 'node:http2';
import type { ListenerConfig } from './listener-options.ts';
import type { RequestHandler } from './request-handler.ts';

/** In MB. Not larger: Node keeps it in 32 bits of bytes, and 2^32 becomes 0, which refuses everything. */
const SESSION_MEMORY_MB = 1_000_000;
/** A trainer that flushes its rollouts cancels thousands of calls at once; that is no attack. */
const STREAM_RESET_BURST = 1_000_000;
const STREAM_RESETS_PER_SECOND = 100_000;
const TIMEOUT_CHECK_MS = 500;

/** The HTTP/1.1 half. It never listens; sockets are handed to it through its `connection` event. */
export function createHttp1Server(config: ListenerConfig, handle: RequestHandler): http.Server {
  const { timeouts, limits } = config;
  const server = http.createServer(
    {
      headersTimeout: timeouts.headersMs,
      requestTimeout: Math.max(timeouts.requestMs, timeouts.headersMs),
      keepAliveTimeout: timeouts.idleMs,
      connectionsCheckingInterval: Math.min(TIMEOUT_CHECK_MS, timeouts.headersMs),
      maxHeaderSize: limits.maxHeaderBytes,
      noDelay: true,
      // Judged by our guard, which answers in the request's own dialect.
      requireHostHeader: false,
    },
    handle,
  );
  // Without a listener Node invites the body before anyone has looked at the credentials.
  server.on('checkContinue', handle);
  server.on('clientError', (_error, socket) => {
    if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n');
    else socket.destroy();
  });
  // Node watches headersTimeout and requestTimeout only from this event on.
  server.emit('listening');
  return server;
}

/** The HTTP/2 half, likewise fed with sockets. */
export function createHttp2Server(
  config: ListenerConfig,
  handle: RequestHandler,
): http2.Http2Server {
  const { limits } = config;
  const server = http2.createServer(
    {
      maxSessionMemory: SESSION_MEMORY_MB,
      streamResetBurst: STREAM_RESET_BURST,
      streamResetRate: STREAM_RESETS_PER_SECOND,
      settings: {
        initialWindowSize: limits.streamWindowBytes,
        maxConcurrentStreams: limits.maxConcurrentStreams,
        maxHeaderListSize: limits.maxHeaderBytes,
        enablePush: false,
      },
    },
    handle,
  );
  server.on('checkContinue', handle);
  server.on('sessionError', (error) => config.logger.debug('http2 session failed', { error }));
  return server;
}
