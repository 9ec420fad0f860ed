import { errorMessage, LachesisError } from '../../../errors.ts';
import { sandboxFault } from '../../contract/faults.ts';

/** Connect's `not_found` and `unavailable`. */
const GONE_CODES = new Set([5, 14]);

/** An error of E2B's client in our words, where no sandbox is concerned that is known to have lived. */
export function e2bFault(what: string, error: unknown): LachesisError {
  if (error instanceof LachesisError) return error;
  const name = error instanceof Error ? error.name : '';
  const message = errorMessage(error);
  if (name === 'AuthenticationError') {
    return new LachesisError('failed_precondition', `${what}: ${message}`, {
      reason: 'E2B_CREDENTIALS',
      remedy: 'Set `E2B_API_KEY`, or give `apiKey`.',
      cause: error,
    });
  }
  if (name === 'RateLimitError') {
    return new LachesisError('resource_exhausted', `${what}: ${message}`, {
      reason: 'SANDBOX_QUOTA',
      remedy: 'Wait for sandboxes to end, or have the limit of the E2B team raised.',
      cause: error,
    });
  }
  return sandboxFault(what, error);
}

/** Whether the sandbox may be gone; E2B is asked then. */
export function mayBeGone(error: unknown): boolean {
  const { name, code } = (error ?? {}) as { readonly name?: unknown; readonly code?: unknown };
  if (name === 'ConnectError') return true;
  return GONE_CODES.has(Number(code)) || /NotFound|Timeout/.test(String(name));
}
