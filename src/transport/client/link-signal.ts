import { Code, ConnectError } from '@connectrpc/connect';

/** A signal of one's own that also follows another one; must be unlinked when its work is over. */
export interface LinkedSignal {
  readonly signal: AbortSignal;
  abort(reason: unknown): void;
  unlink(): void;
  /** Iterates `source`; leaving early (`break`, `return`, `throw`) aborts the signal. */
  cancelOnReturn<T>(source: AsyncIterable<T>): AsyncIterable<T>;
}

/** Follows `parent` without leaving a listener on it for longer than the work takes. */
export function linkSignal(parent: AbortSignal | undefined): LinkedSignal {
  const controller = new AbortController();
  const onAbort = (): void => controller.abort(parent?.reason);
  const unlink = (): void => parent?.removeEventListener('abort', onAbort);
  if (parent?.aborted === true) onAbort();
  else parent?.addEventListener('abort', onAbort, { once: true });
  const giveUp = (): void => {
    unlink();
    controller.abort(new ConnectError('the response was given up', Code.Canceled));
  };
  return {
    signal: controller.signal,
    abort: (reason) => controller.abort(reason),
    unlink,
    cancelOnReturn: (source) => ({
      [Symbol.asyncIterator]() {
        const iterator = source[Symbol.asyncIterator]();
        return {
          next: async () => {
            try {
              const result = await iterator.next();
              if (result.done === true) unlink();
              return result;
            } catch (thrown) {
              unlink();
              throw thrown;
            }
          },
          return: async () => {
            giveUp();
            return { done: true, value: undefined };
          },
          throw: async (thrown: unknown) => {
            giveUp();
            throw thrown;
          },
        };
      },
    }),
  };
}
