import { errorMessage, invalidInput, LachesisError } from '../../../errors.ts';
import { sandboxFault, sandboxGone } from '../../contract/faults.ts';

/** gRPC's codes by name, as far as anything depends on them. */
const CODES = {
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
} as const;

/** What Modal's client itself tries again; when it comes to us, it gave up. */
const TRANSIENT = new Set<number>([
  CODES.cancelled,
  CODES.unknown,
  CODES.deadlineExceeded,
  CODES.internal,
  CODES.unavailable,
]);

const CREDENTIALS =
  'Set `MODAL_TOKEN_ID` and `MODAL_TOKEN_SECRET`, or run `modal token new`, which writes `~/.modal.toml` (`MODAL_CONFIG_PATH` names another file), or give `tokenId` and `tokenSecret`.';

/** The code of an error that a Modal server sent, which its client hands on as it came. */
export function grpcCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || error.name !== 'ClientError') return undefined;
  const { code } = error as Error & { readonly code?: unknown };
  return typeof code === 'number' ? code : undefined;
}

export function isTransient(error: unknown): boolean {
  const code = grpcCode(error);
  return code !== undefined && TRANSIENT.has(code);
}

/** An error of Modal's client in our words, where no sandbox is concerned that is known to have lived. */
export function modalFault(what: string, error: unknown): LachesisError {
  if (error instanceof LachesisError) return error;
  const code = grpcCode(error);
  const name = error instanceof Error ? error.name : '';
  const message = wordsOf(error);
  if (code === CODES.resourceExhausted || name === 'ResourceExhaustedError') {
    return new LachesisError('resource_exhausted', `${what}: ${message}`, {
      reason: 'SANDBOX_QUOTA',
      remedy: 'Wait for sandboxes to end, or have the quota of the Modal workspace raised.',
      cause: error,
    });
  }
  if (
    code === CODES.unauthenticated ||
    code === CODES.permissionDenied ||
    /credentials/i.test(message)
  ) {
    return new LachesisError('failed_precondition', `${what}: ${message}`, {
      reason: 'MODAL_CREDENTIALS',
      remedy: CREDENTIALS,
      cause: error,
    });
  }
  if (/^Image build for /.test(message)) {
    return invalidInput('sandbox.image', `can not be built by Modal: ${message}`, { cause: error });
  }
  if (code === CODES.invalidArgument || name === 'InvalidError') {
    return invalidInput('sandbox', `is refused by Modal: ${message}`, { cause: error });
  }
  return sandboxFault(what, new Error(message, { cause: error }));
}

/** The same for a call to a sandbox that lived: what is not found then is gone. */
export function modalSandboxFault(id: string, what: string, error: unknown): LachesisError {
  if (error instanceof LachesisError) return error;
  const code = grpcCode(error);
  const name = error instanceof Error ? error.name : '';
  if (
    code === CODES.notFound ||
    code === CODES.failedPrecondition ||
    ['NotFoundError', 'ClientClosedError', 'ConflictError'].includes(name)
  ) {
    return sandboxGone(id, wordsOf(error).replace(/\.$/, ''), error);
  }
  // The worker's own tokens are Modal's affair, and no fault of the credentials that made the sandbox.
  if (code === CODES.unauthenticated || code === CODES.permissionDenied) {
    return sandboxFault(what, new Error(wordsOf(error), { cause: error }));
  }
  return modalFault(what, error);
}

/** Without the path and the code that the gRPC client puts before them. */
function wordsOf(error: unknown): string {
  if (error instanceof Error) {
    const { details } = error as Error & { readonly details?: unknown };
    if (typeof details === 'string' && details !== '') return details;
  }
  return errorMessage(error);
}
