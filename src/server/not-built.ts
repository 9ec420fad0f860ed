import type { Interceptor } from '@connectrpc/connect';
import { LachesisError } from '../errors.ts';

/** Answers methods that are in the contract and not built with a typed UNIMPLEMENTED. */
export function notBuilt(methods: readonly string[]): Interceptor {
  const names = new Set(methods);
  return (next) => (request) => {
    const name = `${request.service.typeName}/${request.method.name}`;
    if (!names.has(name)) return next(request);
    throw new LachesisError('unimplemented', `${name} is not built yet.`, {
      reason: 'NOT_BUILT',
      remedy: 'GetServerInfo lists what is not, in unimplemented_methods.',
    });
  };
}
