import { errorMessage, LachesisError } from '../../errors.ts';
import type { PayloadRef } from './store.ts';

export function storeClosed(): LachesisError {
  return new LachesisError('failed_precondition', 'The store is closed.', {
    reason: 'STORE_CLOSED',
    remedy: 'Open it again.',
  });
}

/** After a failure that leaves open what is on the disk: only a fresh start can tell. */
export function storeBroken(cause: LachesisError): LachesisError {
  return new LachesisError(
    'failed_precondition',
    `The store takes no more writes since one failed: ${cause.message}`,
    {
      reason: 'STORE_BROKEN',
      remedy: 'Mend the disk, then start again: nothing that was accepted before is lost.',
      cause,
    },
  );
}

export function storeBusy(maxQueuedBytes: number): LachesisError {
  return new LachesisError(
    'resource_exhausted',
    `The store has ${maxQueuedBytes} bytes to write already.`,
    {
      reason: 'STORE_BUSY',
      remedy: 'Append it again after the pause.',
      retryAfterMs: 100,
      metadata: { limit: String(maxQueuedBytes) },
    },
  );
}

export function storeFull(where: string, cause: unknown): LachesisError {
  return new LachesisError('resource_exhausted', `There is no room left for ${where}.`, {
    reason: 'STORE_FULL',
    remedy: 'Free some of the disk; reading and acknowledging go on, and so does the rest then.',
    retryAfterMs: 5_000,
    cause,
  });
}

export function storeFailed(where: string, cause: unknown): LachesisError {
  return new LachesisError('infrastructure_error', `${where}: ${errorMessage(cause)}.`, {
    reason: 'STORE_FAILED',
    remedy: 'Look after the disk that it lies on.',
    cause,
  });
}

/** Of a file that says what it should not. */
export function storeDamaged(where: string, problem: string, remedy: string): LachesisError {
  return new LachesisError('infrastructure_error', `${where} ${problem}.`, {
    reason: 'STORE_DAMAGED',
    remedy,
  });
}

export function payloadUnknown(field: string, ref: PayloadRef): LachesisError {
  return new LachesisError(
    'failed_precondition',
    `${field}: the store has no payload of ${ref.length} bytes at ${ref.segment}:${ref.offset}.`,
    {
      reason: 'PAYLOAD_UNKNOWN',
      remedy: 'Cite what an append returned since the store was opened, before it is released.',
      field,
    },
  );
}

export function payloadGone(ref: PayloadRef): LachesisError {
  return new LachesisError(
    'not_found',
    `The payload at ${ref.segment}:${ref.offset} is no longer kept.`,
    { reason: 'PAYLOAD_GONE' },
  );
}

export function payloadDamaged(where: string, ref: PayloadRef): LachesisError {
  return new LachesisError(
    'infrastructure_error',
    `${where}: the ${ref.length} bytes at ${ref.offset} are not those that were written.`,
    {
      reason: 'PAYLOAD_DAMAGED',
      remedy: 'Stop the server and run `lachesis store fsck` on its folder.',
      metadata: { segment: String(ref.segment), offset: String(ref.offset) },
    },
  );
}

/** Whether bytes are damaged or gone for good: what else fails a read may not do so again. */
export function isPayloadLost(error: unknown): boolean {
  if (!(error instanceof LachesisError)) return false;
  return error.reason === 'PAYLOAD_DAMAGED' || error.reason === 'PAYLOAD_GONE';
}

/** What a failed system call means to whoever wanted to write. */
export function writeFailed(where: string, error: unknown): LachesisError {
  const { code } = (error ?? {}) as NodeJS.ErrnoException;
  return code === 'ENOSPC' || code === 'EDQUOT'
    ? storeFull(where, error)
    : storeFailed(where, error);
}
