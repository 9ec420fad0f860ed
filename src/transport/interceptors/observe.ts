import { Code, type Interceptor } from '@connectrpc/connect';
import type { Logger, MetricsRegistry } from '../../telemetry/index.ts';
import { codeName, toWireError } from '../error-codes.ts';
import { mapIterable } from './map-iterable.ts';

export interface ObserveInterceptorOptions {
  readonly logger: Logger;
  readonly metrics?: MetricsRegistry | undefined;
  /** Monotonic milliseconds, for tests. */
  readonly now?: () => number;
}

/** Codes that say something is wrong on this side; their lines are warnings. */
const SERVER_FAULTS: ReadonlySet<Code> = new Set([
  Code.Unknown,
  Code.Internal,
  Code.DataLoss,
  Code.Unavailable,
]);

/** On a server: counts, times and logs every RPC, a line each, when it ends. */
export function observeInterceptor(options: ObserveInterceptorOptions): Interceptor {
  const { logger, metrics, now = () => performance.now() } = options;
  const calls = metrics?.counter({
    name: 'lachesis_rpc_calls_total',
    help: 'RPCs that ended, by status code.',
    labels: ['service', 'method', 'code'],
  });
  const seconds = metrics?.histogram({
    name: 'lachesis_rpc_duration_seconds',
    help: 'Time from the start of a handler to the end of its response.',
    labels: ['service', 'method'],
  });
  const active = metrics?.gauge({
    name: 'lachesis_rpc_active',
    help: 'RPCs that are being handled.',
    labels: ['service', 'method'],
  });
  const messages = metrics?.counter({
    name: 'lachesis_rpc_stream_messages_total',
    help: 'Messages of streams, by direction.',
    labels: ['service', 'method', 'direction'],
  });

  return (next) => async (request) => {
    const startedMs = now();
    const at = { service: request.service.typeName, method: request.method.name };
    active?.add(1, at);
    let ended = false;
    const end = (code: Code | 'ok'): void => {
      if (ended) return;
      ended = true;
      const durationMs = now() - startedMs;
      const name = code === 'ok' ? 'ok' : codeName(code);
      active?.add(-1, at);
      calls?.add(1, { ...at, code: name });
      seconds?.observe(durationMs / 1_000, at);
      const level = code !== 'ok' && SERVER_FAULTS.has(code) ? 'warn' : 'debug';
      logger.log(level, 'rpc', {
        rpc: `${at.service}/${at.method}`,
        code: name,
        durationMs: Math.round(durationMs * 1_000) / 1_000,
      });
    };
    const fail = (thrown: unknown): never => {
      end(toWireError(thrown, request.signal).error.code);
      throw thrown;
    };
    try {
      if (request.stream) {
        const received = { ...at, direction: 'received' };
        const message = mapIterable(request.message, {
          onValue: () => messages?.add(1, received),
        });
        const response = await next({ ...request, message });
        if (!response.stream) return response;
        const sent = { ...at, direction: 'sent' };
        return {
          ...response,
          message: mapIterable(response.message, {
            onValue: () => messages?.add(1, sent),
            onDone: () => end('ok'),
            onError: fail,
            // Given up before its end: the peer went away.
            onEnd: () => end(Code.Canceled),
          }),
        };
      }
      const response = await next(request);
      end('ok');
      return response;
    } catch (thrown) {
      return fail(thrown);
    }
  };
}
