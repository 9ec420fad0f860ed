import { createTarDecoder, type ParsedTarEntry } from 'modern-tar';
import { errorMessage, LachesisError } from '../../errors.ts';
import { knownTypes } from './known-types.ts';

export type ArchiveEntry = ParsedTarEntry;

/**
 * The entries of a tar archive as they come. Who takes the next one has read or cancelled the body of the one
 * before. Ends the source when it is left early.
 */
export async function* archiveEntries(
  tar: AsyncIterable<Uint8Array>,
): AsyncGenerator<ArchiveEntry, void> {
  let fault: { readonly error: unknown } | undefined;
  // What the source throws is its own error, not one of the archive's.
  const watched = async function* () {
    try {
      yield* knownTypes(tar);
    } catch (error) {
      fault = { error };
      throw error;
    }
  };
  const entries = ReadableStream.from(watched())
    .pipeThrough(createTarDecoder({ strict: true }))
    .values();
  try {
    yield* entries;
  } catch (error) {
    if (fault !== undefined) throw fault.error;
    throw error instanceof LachesisError ? error : damaged(error);
  }
}

/** The bytes of an entry, whose errors are the archive's. */
export async function* entryBody({ body }: ArchiveEntry): AsyncGenerator<Uint8Array, void> {
  try {
    yield* body.values();
  } catch (error) {
    throw error instanceof LachesisError ? error : damaged(error);
  }
}

function damaged(error: unknown): LachesisError {
  return new LachesisError(
    'failed_precondition',
    `The archive can't be read: ${errorMessage(error)}`,
    { reason: 'ARCHIVE_DAMAGED', cause: error },
  );
}
