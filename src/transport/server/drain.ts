import type { Server as HttpServer } from 'node:http';
import type { Server, Socket } from 'node:net';
import { Code, ConnectError } from '@connectrpc/connect';
import type { NodeResponse } from './node-http.ts';
import type { SessionTracker } from './sessions.ts';

/** What a listener owns and a drain gives back. */
export interface DrainedParts {
  readonly server: Server;
  readonly http1: HttpServer;
  readonly sessions: SessionTracker;
  readonly exchanges: ReadonlySet<NodeResponse>;
  readonly sockets: ReadonlySet<Socket>;
  readonly shutdown: AbortController;
}

export interface DrainOptions {
  readonly graceMs: number;
  readonly abortMs: number;
  readonly signal: AbortSignal | undefined;
}

const POLL_MS = 10;

/**
 * Ends a listener so that clients see what happened: no new work, time for what runs, then
 * UNAVAILABLE for the rest while their connections still stand, and only then the sockets.
 */
export async function drainListener(parts: DrainedParts, options: DrainOptions): Promise<void> {
  const closed = Promise.withResolvers<void>();
  parts.server.close(() => closed.resolve());
  parts.sessions.goAway();
  for (const exchange of parts.exchanges) lastOnConnection(exchange);

  const isIdle = (): boolean => {
    parts.http1.closeIdleConnections();
    return parts.exchanges.size === 0 && parts.sessions.streamCount === 0;
  };
  const finished = await until(isIdle, options.graceMs, options.signal);
  const message = finished ? 'server has shut down' : 'server is shutting down';
  parts.shutdown.abort(new ConnectError(message, Code.Unavailable));
  if (!finished) await until(isIdle, options.abortMs);
  // A session that has no streams left closes itself once its GOAWAY is written.
  await until(() => parts.sockets.size === 0, options.abortMs);
  parts.sessions.destroyAll();
  for (const socket of parts.sockets) socket.destroy();
  // Also stops its timeout watch; it never listened, so the callback's error means nothing.
  parts.http1.close(() => {});
  await closed.promise;
  await until(() => parts.sockets.size === 0, options.abortMs);
}

/** An HTTP/1 client reads from this header that the connection takes no further request. */
function lastOnConnection(response: NodeResponse): void {
  if (!('stream' in response) && !response.headersSent) response.setHeader('connection', 'close');
}

/** Polls; true when `check` held in time. A drain is rare, and events of five sources are easy to miss. */
async function until(
  check: () => boolean,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while (!check()) {
    if (performance.now() >= deadline || signal?.aborted === true) return false;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return true;
}
