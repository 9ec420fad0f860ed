import { type ErrorKind, errorMessage, LachesisError } from '../../errors.ts';

export function acquireTimeout(timeoutMs: number, lastError: unknown): LachesisError {
  const why =
    lastError === undefined ? '' : ` The last one could not be made: ${errorMessage(lastError)}`;
  return new LachesisError(
    'deadline_exceeded',
    `No sandbox was free within ${timeoutMs} ms.${why}`,
    {
      reason: 'ACQUIRE_TIMEOUT',
      remedy: 'Allow more sandboxes (maxTotal), fewer rollouts at a time, or a longer wait.',
      ...(lastError === undefined ? {} : { cause: lastError }),
    },
  );
}

export function queueFull(maxWaiting: number): LachesisError {
  return new LachesisError('resource_exhausted', `${maxWaiting} already wait for a sandbox.`, {
    reason: 'POOL_QUEUE_FULL',
    remedy: 'Play fewer rollouts at a time, or raise maxWaiting.',
    retryAfterMs: 1_000,
  });
}

export function noExtras(): LachesisError {
  return new LachesisError('resource_exhausted', 'This pool makes no extra sandboxes.', {
    reason: 'POOL_NO_EXTRA',
    remedy: 'Set maxExtra above 0.',
  });
}

export function poolClosed(): LachesisError {
  return new LachesisError('failed_precondition', 'The pool of sandboxes is closed.', {
    reason: 'POOL_CLOSED',
    remedy: 'Its owner has shut it down; open another.',
  });
}

export function leaseReleased(leaseId: string): LachesisError {
  return new LachesisError('failed_precondition', `Lease ${leaseId} was given back.`, {
    reason: 'LEASE_RELEASED',
    remedy: 'Acquire another: the sandbox may be somebody else’s by now.',
  });
}

export function leaseExpired(leaseId: string, holdMs: number): LachesisError {
  return new LachesisError(
    'failed_precondition',
    `Lease ${leaseId} was held longer than ${holdMs} ms and taken back.`,
    { reason: 'LEASE_EXPIRED', remedy: 'Release leases in time, or ask for a longer holdMs.' },
  );
}

const PERMANENT: readonly ErrorKind[] = [
  'invalid_input',
  'not_found',
  'failed_precondition',
  'unauthenticated',
  'permission_denied',
  'unimplemented',
];

/** A sandbox that will not be made however often it is tried: nobody should wait for it. */
export function isPermanent(error: unknown): boolean {
  return error instanceof LachesisError && PERMANENT.includes(error.kind);
}
