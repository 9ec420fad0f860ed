import { Code, ConnectError, type Interceptor } from '@connectrpc/connect';

/**
 * On a server: a unary call whose client set no deadline gets one of `unaryMs`, and a unary call
 * answers as soon as its signal fires, whether or not its handler listens. Streams are exempt:
 * they end by their own rules and show life by heartbeats.
 */
export function deadlineInterceptor(options: { readonly unaryMs: number }): Interceptor {
  return (next) => async (request) => {
    if (request.stream) return await next(request);
    const controller = new AbortController();
    const aborted = Promise.withResolvers<never>();
    const abort = (reason: unknown): void => {
      controller.abort(reason);
      aborted.reject(reason);
    };
    const onAbort = (): void => abort(request.signal.reason);
    const hasOwn = request.header.has('grpc-timeout') || request.header.has('connect-timeout-ms');
    const timer = hasOwn
      ? undefined
      : setTimeout(() => {
          const message = `no answer within ${options.unaryMs} ms, this server's default. Send a deadline of your own to wait longer.`;
          abort(new ConnectError(message, Code.DeadlineExceeded));
        }, options.unaryMs);
    // The race below may be over before anyone awaits this one.
    aborted.promise.catch(() => {});
    if (request.signal.aborted) onAbort();
    else request.signal.addEventListener('abort', onAbort, { once: true });
    try {
      return await Promise.race([next({ ...request, signal: controller.signal }), aborted.promise]);
    } finally {
      clearTimeout(timer);
      request.signal.removeEventListener('abort', onAbort);
    }
  };
}
