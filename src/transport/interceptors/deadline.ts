import { Code, ConnectError, type Interceptor } from '@connectrpc/connect';
import { startDeadline, untilAborted } from '../../async/index.ts';

/**
 * On a server: a unary call whose client set no deadline gets one of `unaryMs`, and a unary call
 * answers as soon as its signal fires, whether or not its handler listens. Streams are exempt:
 * they end by their own rules and show life by heartbeats.
 */
export function deadlineInterceptor(options: { readonly unaryMs: number }): Interceptor {
  return (next) => async (request) => {
    if (request.stream) return await next(request);
    const hasOwn = request.header.has('grpc-timeout') || request.header.has('connect-timeout-ms');
    using deadline = startDeadline({
      timeoutMs: hasOwn ? Infinity : options.unaryMs,
      reason: () => {
        const message = `no answer within ${options.unaryMs} ms, this server's default. Send a deadline of your own to wait longer.`;
        return new ConnectError(message, Code.DeadlineExceeded);
      },
      signal: request.signal,
    });
    const { signal } = deadline;
    return await untilAborted(next({ ...request, signal }), { signal });
  };
}
