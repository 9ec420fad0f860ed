import { LachesisError } from '../../errors.ts';

/** Something of an archive that the host does not take; the entry is named. */
export function refusedEntry(
  name: string,
  why: string,
  reason: 'ARCHIVE_ENTRY_REFUSED' | 'ARCHIVE_TOO_LARGE' = 'ARCHIVE_ENTRY_REFUSED',
): LachesisError {
  const shown = JSON.stringify(name.length > 200 ? `${name.slice(0, 200)}...` : name);
  return new LachesisError(
    reason === 'ARCHIVE_TOO_LARGE' ? 'resource_exhausted' : 'failed_precondition',
    `Entry ${shown} of the archive ${why}.`,
    { reason, metadata: { entry: name.slice(0, 1_000) } },
  );
}
