import { type ErrorKind, errorMessage, LachesisError } from '../../../errors.ts';
import { type Location, Unprocessable } from '../unprocessable.ts';

/** Something thrown, as it crosses a thread: a clone of an error would lose its type and fields. */
export type ThrownError =
  | {
      readonly kind: 'unprocessable';
      readonly loc: Location;
      readonly type: string;
      readonly detail: string;
    }
  | {
      readonly kind: 'known';
      readonly of: ErrorKind;
      readonly message: string;
      readonly fields: Pick<
        LachesisError,
        'reason' | 'remedy' | 'field' | 'metadata' | 'retryAfterMs'
      >;
    }
  /** A fault of ours. */
  | { readonly kind: 'fault'; readonly message: string; readonly stack: string | undefined };

export function packError(thrown: unknown): ThrownError {
  if (thrown instanceof Unprocessable) {
    const { loc, type, detail } = thrown;
    return { kind: 'unprocessable', loc, type, detail };
  }
  if (thrown instanceof LachesisError) {
    const { kind, reason, remedy, field, metadata, retryAfterMs } = thrown;
    // The remedy is put behind it again when the error is made anew.
    const end = remedy === undefined ? 0 : remedy.length + 1;
    const message = thrown.message.slice(0, thrown.message.length - end);
    const fields = { reason, remedy, field, metadata, retryAfterMs };
    return { kind: 'known', of: kind, message, fields };
  }
  const stack = thrown instanceof Error ? thrown.stack : undefined;
  return { kind: 'fault', message: errorMessage(thrown), stack };
}

export function unpackError(thrown: ThrownError): Error {
  switch (thrown.kind) {
    case 'unprocessable':
      return new Unprocessable(thrown.loc, thrown.type, thrown.detail);
    case 'known': {
      const { reason, remedy, field, metadata, retryAfterMs } = thrown.fields;
      return new LachesisError(thrown.of, thrown.message, {
        reason,
        metadata,
        ...(remedy !== undefined && { remedy }),
        ...(field !== undefined && { field }),
        ...(retryAfterMs !== undefined && { retryAfterMs }),
      });
    }
    case 'fault': {
      const error = new Error(thrown.message);
      if (thrown.stack !== undefined) error.stack = thrown.stack;
      return error;
    }
  }
}
