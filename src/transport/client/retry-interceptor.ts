import { MethodOptions_IdempotencyLevel as Idempotency } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError, type Interceptor } from '@connectrpc/connect';
import { sleep } from '../../async/index.ts';
import { type RetryPolicy, retryDelayMs } from './retry-policy.ts';

export interface RetryInterceptorOptions {
  readonly policy: RetryPolicy;
  /** Randomness in [0, 1) and waiting, for tests. */
  readonly random?: () => number;
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/**
 * Tries a unary call again when the server was UNAVAILABLE and its contract says that a repeat
 * does no harm (`idempotency_level`). Everything else fails once: the first attempt may have run.
 */
export function retryInterceptor(options: RetryInterceptorOptions): Interceptor {
  const { policy, random = Math.random } = options;
  const { wait = (ms, signal) => sleep(ms, { signal }) } = options;
  return (next) => async (request) => {
    if (request.stream || !isRepeatable(request.method.idempotency)) return await next(request);
    for (let failedAttempts = 1; ; failedAttempts += 1) {
      try {
        return await next(request);
      } catch (thrown) {
        const error = ConnectError.from(thrown);
        if (error.code !== Code.Unavailable || request.signal.aborted) throw thrown;
        const pushbackMs = pushbackOf(error);
        const delayMs = retryDelayMs(policy, { failedAttempts, random: random(), pushbackMs });
        if (delayMs === undefined) throw thrown;
        await wait(delayMs, request.signal);
      }
    }
  };
}

function isRepeatable(level: Idempotency): boolean {
  return level === Idempotency.NO_SIDE_EFFECTS || level === Idempotency.IDEMPOTENT;
}

function pushbackOf(error: ConnectError): number | undefined {
  const value = error.metadata.get('grpc-retry-pushback-ms');
  if (value === null) return undefined;
  const parsed = Number(value);
  // The gRPC specification reads a value it can't parse as "do not retry".
  return Number.isInteger(parsed) ? parsed : -1;
}
