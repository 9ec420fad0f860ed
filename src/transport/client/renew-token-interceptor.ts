import { Code, ConnectError, type Interceptor, type StreamRequest } from '@connectrpc/connect';
import { sleep } from '../../async/index.ts';
import { Replayed } from './replayed.ts';

export interface RenewTokenOptions {
  /** Looks for another token, which the next call then has; says whether there is one. */
  readonly renew: () => Promise<boolean>;
  /** How long a token may take to come, from the first refusal on. Default: 2 s. */
  readonly graceMs?: number;
  /** Between two looks. Default: 100. */
  readonly pauseMs?: number;
}

/**
 * Calls again what was refused for want of the right token, which is before anything was done: unary calls,
 * and streams before they are answered.
 */
export function renewTokenInterceptor(options: RenewTokenOptions): Interceptor {
  const { renew, graceMs = 2_000, pauseMs = 100 } = options;

  async function again<Response>(
    signal: AbortSignal,
    call: () => Promise<Response>,
    mayRepeat: () => boolean = () => true,
  ): Promise<Response> {
    let refusedMs: number | undefined;
    for (;;) {
      try {
        return await call();
      } catch (thrown) {
        if (ConnectError.from(thrown).code !== Code.Unauthenticated || !mayRepeat()) throw thrown;
        refusedMs ??= performance.now();
        if (performance.now() - refusedMs >= graceMs) throw thrown;
        if (!(await renew())) await sleep(pauseMs, { signal });
      }
    }
  }

  return (next) => async (request) => {
    if (!request.stream) return await again(request.signal, () => next(request));
    const sent = new Replayed<StreamRequest['message'] extends AsyncIterable<infer M> ? M : never>(
      request.message,
    );
    try {
      const response = await again(
        request.signal,
        () => next({ ...request, message: sent.messages() }),
        () => sent.isWhole,
      );
      sent.settle();
      return response;
    } catch (thrown) {
      sent.close();
      throw thrown;
    }
  };
}
