import { Code, ConnectError } from '@connectrpc/connect';
import { ErrorDetailSchema } from '../../gen/lachesis/v1/error_pb.ts';
import { errorFromDetail } from '../contract/index.ts';
import { type ErrorKind, errorMessage, LachesisError } from '../errors.ts';

const KIND_OF_CODE: Readonly<Record<Code, ErrorKind>> = {
  [Code.Canceled]: 'cancelled',
  [Code.Unknown]: 'environment_error',
  [Code.InvalidArgument]: 'invalid_input',
  [Code.DeadlineExceeded]: 'deadline_exceeded',
  [Code.NotFound]: 'not_found',
  [Code.AlreadyExists]: 'already_exists',
  [Code.PermissionDenied]: 'permission_denied',
  [Code.ResourceExhausted]: 'resource_exhausted',
  [Code.FailedPrecondition]: 'failed_precondition',
  [Code.Aborted]: 'aborted',
  [Code.OutOfRange]: 'out_of_range',
  [Code.Unimplemented]: 'unimplemented',
  [Code.Internal]: 'internal',
  [Code.Unavailable]: 'infrastructure_error',
  [Code.DataLoss]: 'internal',
  [Code.Unauthenticated]: 'unauthenticated',
};

/**
 * What a call threw, as a LachesisError: its kind from the status code; its reason, field, remedy
 * and metadata from the server's typed detail. Clients throw `ConnectError`s as they come; this is
 * for whoever wants to branch on a reason.
 */
export function lachesisErrorOf(thrown: unknown): LachesisError {
  if (thrown instanceof LachesisError) return thrown;
  const error = ConnectError.from(thrown);
  const kind = KIND_OF_CODE[error.code] ?? 'internal';
  const detail = error.findDetails(ErrorDetailSchema)[0];
  if (detail !== undefined) return errorFromDetail(detail, error.rawMessage, kind);
  return new LachesisError(kind, errorMessage(thrown), { reason: 'NO_DETAIL', cause: thrown });
}
