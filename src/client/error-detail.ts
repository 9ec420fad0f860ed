import { ConnectError } from '@connectrpc/connect';
import { ErrorDetailSchema } from '../../gen/lachesis/v1/error_pb.ts';
import { errorFromDetail } from '../contract/index.ts';
import { errorMessage, LachesisError } from '../errors.ts';
import { kindOfCode } from '../transport/index.ts';

/**
 * What a call threw, as a LachesisError: its kind from the status code; its reason, field, remedy
 * and metadata from the server's typed detail. Clients throw `ConnectError`s as they come; this is
 * for whoever wants to branch on a reason.
 */
export function lachesisErrorOf(thrown: unknown): LachesisError {
  if (thrown instanceof LachesisError) return thrown;
  const error = ConnectError.from(thrown);
  const kind = kindOfCode(error.code);
  const detail = error.findDetails(ErrorDetailSchema)[0];
  if (detail !== undefined) return errorFromDetail(detail, error.rawMessage, kind);
  return new LachesisError(kind, errorMessage(thrown), { reason: 'NO_DETAIL', cause: thrown });
}
