import { errorMessage, invalidInput, LachesisError } from '../../../errors.ts';
import { sandboxFault, sandboxGone } from '../../contract/faults.ts';

const CONNECTION = new Set([
  'ECONNREFUSED',
  'ENOENT',
  'EACCES',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
]);

/** What the daemon answered with; undefined when it did not answer. */
export function statusOf(error: unknown): number | undefined {
  const { statusCode } = (error ?? {}) as { readonly statusCode?: unknown };
  return typeof statusCode === 'number' ? statusCode : undefined;
}

/** The daemon's own words. */
function wordsOf(error: unknown): string {
  const { json } = (error ?? {}) as { readonly json?: { readonly message?: unknown } };
  return typeof json?.message === 'string' ? json.message : errorMessage(error);
}

/** An error of the daemon's, or of reaching it, where no container is concerned that is known to have lived. */
export function dockerFault(what: string, error: unknown): LachesisError {
  if (error instanceof LachesisError) return error;
  const { code } = (error ?? {}) as { readonly code?: unknown };
  if (typeof code === 'string' && CONNECTION.has(code)) {
    return new LachesisError('infrastructure_error', `${what}: ${errorMessage(error)}.`, {
      reason: 'DOCKER_UNREACHABLE',
      remedy: 'Start Docker (or `podman system service`), or give `connection` or `DOCKER_HOST`.',
      cause: error,
    });
  }
  return sandboxFault(what, new Error(wordsOf(error), { cause: error }));
}

/** The same of a container that was being made. */
export function createFault(image: string, error: unknown): LachesisError {
  if (statusOf(error) === 404 && /image/i.test(wordsOf(error))) {
    return new LachesisError('failed_precondition', `The daemon has no image ${image}.`, {
      reason: 'SANDBOX_IMAGE',
      field: 'sandbox.image',
      remedy: `Run \`docker pull ${image}\`.`,
      cause: error,
    });
  }
  if (statusOf(error) === 400) {
    return invalidInput('sandbox', `is refused by the daemon: ${wordsOf(error)}.`, {
      cause: error,
    });
  }
  return dockerFault('A container could not be made', error);
}

export function containerGone(id: string, error: unknown): LachesisError {
  return sandboxGone(id, wordsOf(error), error);
}
