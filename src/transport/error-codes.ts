import { Code, ConnectError } from '@connectrpc/connect';
import { clipText, type ErrorKind, LachesisError } from '../errors.ts';

/** Of a message on the wire: three times that when percent-encoded, and once more in the details. */
const MAX_MESSAGE_BYTES = 1_000;

/** A protobuf message to send along with an error. */
export type ErrorDetail = Exclude<
  NonNullable<ConstructorParameters<typeof ConnectError>[3]>[number],
  undefined
>;

/** Makes the typed details of an error; injected, so that transport knows no generated code. */
export type ErrorDetailsOf = (error: LachesisError) => readonly ErrorDetail[];

const CODE_OF_KIND: Readonly<Record<ErrorKind, Code>> = {
  invalid_input: Code.InvalidArgument,
  not_found: Code.NotFound,
  already_exists: Code.AlreadyExists,
  failed_precondition: Code.FailedPrecondition,
  out_of_range: Code.OutOfRange,
  aborted: Code.Aborted,
  resource_exhausted: Code.ResourceExhausted,
  unauthenticated: Code.Unauthenticated,
  permission_denied: Code.PermissionDenied,
  unimplemented: Code.Unimplemented,
  // Whose code failed is in the details; INTERNAL would say that this server is broken.
  environment_error: Code.Unknown,
  model_error: Code.Unavailable,
  infrastructure_error: Code.Unavailable,
  deadline_exceeded: Code.DeadlineExceeded,
  cancelled: Code.Canceled,
  internal: Code.Internal,
};

/** The status code under which an error of this kind travels. */
export function codeOfKind(kind: ErrorKind): Code {
  return CODE_OF_KIND[kind];
}

/**
 * The kind that a status code received from a server stands for. Some kinds share a code; the
 * details tell them apart, and without them this is the most likely one.
 */
export function kindOfCode(code: Code): ErrorKind {
  if (code === Code.DataLoss) return 'internal';
  if (code === Code.Unavailable) return 'infrastructure_error';
  for (const [kind, candidate] of Object.entries(CODE_OF_KIND)) {
    if (candidate === code) return kind as ErrorKind;
  }
  return 'internal';
}

/** A code as the Connect protocol and our metrics spell it: `invalid_argument`. */
export function codeName(code: Code): string {
  return (Code[code] ?? 'unknown').replace(/(?<=[a-z])(?=[A-Z])/g, '_').toLowerCase();
}

/** What a thrown value becomes on the wire, and whether the log must hold what the wire does not say. */
export interface WireError {
  readonly error: ConnectError;
  /** True when the cause is hidden from the peer, so that it has to be logged here. */
  readonly hidden: boolean;
}

/**
 * Maps whatever a handler threw. A `ConnectError` passes; a `LachesisError` gets its kind's code
 * and typed details; after an abort with a `ConnectError` reason (deadline, cancel, shutdown)
 * that reason wins over the `AbortError` it caused; the rest is INTERNAL without its message.
 */
export function toWireError(
  thrown: unknown,
  signal?: AbortSignal,
  errorDetails?: ErrorDetailsOf,
): WireError {
  if (thrown instanceof ConnectError) return { error: thrown, hidden: false };
  if (thrown instanceof LachesisError) {
    const details = errorDetails === undefined ? [] : [...errorDetails(thrown)];
    const message = clipText(thrown.message, MAX_MESSAGE_BYTES);
    return {
      error: new ConnectError(message, codeOfKind(thrown.kind), undefined, details, thrown),
      hidden: thrown.kind === 'internal',
    };
  }
  if (signal?.aborted === true) {
    if (signal.reason instanceof ConnectError) return { error: signal.reason, hidden: false };
    if (thrown instanceof Error && thrown.name === 'AbortError') {
      const error = new ConnectError('the peer went away', Code.Canceled, undefined, [], thrown);
      return { error, hidden: false };
    }
  }
  return {
    error: new ConnectError('internal error', Code.Internal, undefined, [], thrown),
    hidden: true,
  };
}
