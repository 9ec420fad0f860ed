import type { Interceptor } from '@connectrpc/connect';

/**
 * On a server: a response stream ends as soon as the call's signal fires, even while its
 * generator waits for something that does not listen to the signal. Without it, a client whose
 * deadline passed or whose server is shutting down learns of it only at the next message.
 */
export function abortInterceptor(): Interceptor {
  return (next) => async (request) => {
    const response = await next(request);
    if (!response.stream) return response;
    return { ...response, message: endOnAbort(response.message, request.signal) };
  };
}

/** Iterates `source` until `signal` fires, then throws the signal's reason and gives `source` up. */
export function endOnAbort<T>(source: AsyncIterable<T>, signal: AbortSignal): AsyncIterable<T> {
  return {
    [Symbol.asyncIterator]() {
      const iterator = source[Symbol.asyncIterator]();
      // One slot for the pending next() rather than Promise.race with a promise that lives as
      // long as the stream: each race would leave a reaction behind.
      let rejectPending: ((reason: unknown) => void) | undefined;
      const onAbort = (): void => {
        rejectPending?.(signal.reason);
        // Not awaited: a generator that waits for something else ends when that is over.
        iterator.return?.()?.then(undefined, () => {});
      };
      const stop = (): void => signal.removeEventListener('abort', onAbort);
      signal.addEventListener('abort', onAbort, { once: true });
      return {
        next: () => {
          if (signal.aborted) return Promise.reject(signal.reason);
          return new Promise<IteratorResult<T>>((resolve, reject) => {
            rejectPending = reject;
            iterator.next().then(
              (result) => {
                rejectPending = undefined;
                if (result.done === true) stop();
                resolve(result);
              },
              (thrown: unknown) => {
                rejectPending = undefined;
                stop();
                reject(thrown);
              },
            );
          });
        },
        return: async () => {
          stop();
          await iterator.return?.();
          return { done: true, value: undefined };
        },
      };
    },
  };
}
