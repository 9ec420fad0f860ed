import { errorMessage, LachesisError } from '../../errors.ts';

/** A sandbox that will never run anything again. The lease it was under may be asked for anew. */
export function sandboxGone(id: string, why: string, cause?: unknown): LachesisError {
  return new LachesisError('infrastructure_error', `Sandbox ${id} is gone: ${why}.`, {
    reason: 'SANDBOX_GONE',
    remedy: 'Lease another one: what ran in it can be played again.',
    ...(cause === undefined ? {} : { cause }),
  });
}

/** The same of one that ended by what ran in it: another one would do no better by it. */
export function sandboxEndedByTenant(id: string, why: string): LachesisError {
  return new LachesisError('infrastructure_error', `Sandbox ${id} is gone: ${why}.`, {
    reason: 'SANDBOX_GONE',
    remedy: 'What ran in it did that, not the host.',
    metadata: { endedBy: 'tenant' },
  });
}

export function isEndedByTenant(error: unknown): boolean {
  return (
    error instanceof LachesisError && isSandboxGone(error) && error.metadata['endedBy'] === 'tenant'
  );
}

/** A provider or the host failed; the sandbox may still work. */
export function sandboxFault(what: string, cause: unknown): LachesisError {
  if (cause instanceof LachesisError) return cause;
  return new LachesisError('infrastructure_error', `${what}: ${errorMessage(cause)}`, {
    reason: 'SANDBOX_FAULT',
    cause,
  });
}

export function isSandboxGone(error: unknown): boolean {
  return error instanceof LachesisError && error.reason === 'SANDBOX_GONE';
}
