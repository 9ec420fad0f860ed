import { randomUUID } from 'node:crypto';
import { ConnectError, type Interceptor } from '@connectrpc/connect';
import type { Logger } from '../../telemetry/index.ts';
import { type ErrorDetailsOf, toWireError } from '../error-codes.ts';
import { mapIterable } from './map-iterable.ts';

export interface ErrorInterceptorOptions {
  readonly logger: Logger;
  readonly errorDetails?: ErrorDetailsOf | undefined;
}

/**
 * Outermost on a server: everything that a handler or an inner interceptor throws leaves as a
 * `ConnectError`. A cause that the peer may not see is logged here, once, under a reference that
 * the peer does see.
 */
export function errorInterceptor(options: ErrorInterceptorOptions): Interceptor {
  const { logger, errorDetails } = options;
  return (next) => async (request) => {
    const fail = (thrown: unknown): never => {
      const { error, hidden } = toWireError(thrown, request.signal, errorDetails);
      if (!hidden) throw error;
      const reference = randomUUID().slice(0, 8);
      const rpc = `${request.service.typeName}/${request.method.name}`;
      logger.error('handler failed', { rpc, reference, error: thrown });
      const message = `${error.rawMessage} (reference ${reference}: the server's log has the cause)`;
      throw new ConnectError(message, error.code, undefined, outgoing(error), thrown);
    };
    try {
      const response = await next(request);
      if (!response.stream) return response;
      return { ...response, message: mapIterable(response.message, { onError: fail }) };
    } catch (thrown) {
      return fail(thrown);
    }
  };
}

function outgoing(error: ConnectError): NonNullable<ConstructorParameters<typeof ConnectError>[3]> {
  return error.details.filter((detail) => 'desc' in detail);
}
