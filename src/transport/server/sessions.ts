import type { Http2Server, ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import type { Logger } from '../../telemetry/index.ts';
import type { ListenerLimits, ListenerTimeouts } from './listener-options.ts';

const SECOND_LOOK_MS = 100;

export interface SessionTracker {
  readonly sessionCount: number;
  /** Streams that one side or both have not closed. */
  readonly streamCount: number;
  /** GOAWAY to every peer: no new streams, the open ones go on. */
  goAway(): void;
  destroyAll(): void;
}

/** Widens windows, pings peers and keeps count of the HTTP/2 sessions of a server. */
export function trackSessions(
  server: Http2Server,
  limits: ListenerLimits,
  timeouts: ListenerTimeouts,
  logger: Logger,
): SessionTracker {
  const sessions = new Set<ServerHttp2Session>();
  let streamCount = 0;
  server.on('session', (session) => {
    sessions.add(session);
    session.setLocalWindowSize(limits.connectionWindowBytes);
    const stopPings = keepAlive(session, timeouts, logger);
    const silent = setTimeout(() => session.destroy(), timeouts.firstByteMs);
    session.once('remoteSettings', () => clearTimeout(silent));
    session.on('error', (error) => logger.debug('http2 session failed', { error }));
    session.once('close', () => {
      sessions.delete(session);
      clearTimeout(silent);
      stopPings();
    });
  });
  server.on('stream', (stream: ServerHttp2Stream) => {
    streamCount += 1;
    stream.once('close', () => {
      streamCount -= 1;
    });
  });
  return {
    get sessionCount() {
      return sessions.size;
    },
    get streamCount() {
      return streamCount;
    },
    goAway: () => {
      for (const session of sessions) if (!session.closed) session.close();
    },
    destroyAll: () => {
      for (const session of sessions) session.destroy();
    },
  };
}

/** Pings on an interval; a peer that does not answer in time is gone, whatever TCP believes. */
function keepAlive(
  session: ServerHttp2Session,
  timeouts: ListenerTimeouts,
  logger: Logger,
): () => void {
  let unanswered: NodeJS.Timeout | undefined;
  const destroy = (): void => {
    logger.info('http2 peer answers no ping', { timeoutMs: timeouts.pingTimeoutMs });
    session.destroy();
  };
  // After our own process was busy for long, the answer may lie in the socket and timers run
  // before it is read: judge only after another look at the sockets.
  const judge = (): void => {
    unanswered = setTimeout(destroy, SECOND_LOOK_MS);
    unanswered.unref();
  };
  const interval = setInterval(() => {
    if (session.destroyed || unanswered !== undefined) return;
    unanswered = setTimeout(judge, timeouts.pingTimeoutMs);
    unanswered.unref();
    const sent = session.ping((error) => {
      if (error !== null) return;
      clearTimeout(unanswered);
      unanswered = undefined;
    });
    // Refused when too many pings are in flight, which the timer above then judges.
    if (!sent) logger.debug('http2 ping not sent');
  }, timeouts.pingIntervalMs);
  interval.unref();
  return () => {
    clearInterval(interval);
    clearTimeout(unanswered);
  };
}
