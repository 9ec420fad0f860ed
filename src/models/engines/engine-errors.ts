import { durationMs } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError } from '@connectrpc/connect';
import { ErrorDetailSchema, ErrorOrigin } from '../../../gen/lachesis/v1/error_pb.ts';
import { type ErrorFields, errorMessage, LachesisError } from '../../errors.ts';
import { modelError, unreachable } from '../model-errors.ts';

/** What an engine's failure means to a rollout: a `model_error`, or an `infrastructure_error` to retry. */
export function engineError(thrown: unknown): LachesisError {
  if (thrown instanceof LachesisError) return fromKind(thrown);
  if (thrown instanceof ConnectError) return fromStatus(thrown);
  const message = `The engine failed: ${errorMessage(thrown)}`;
  return unreachable(message, { reason: 'ENGINE_FAILED', cause: thrown });
}

function fromKind(error: LachesisError): LachesisError {
  switch (error.kind) {
    case 'model_error':
    case 'infrastructure_error':
      return error;
    case 'resource_exhausted':
    case 'aborted':
    case 'deadline_exceeded':
    case 'cancelled':
    case 'internal':
      return unreachable(error.message, fieldsOf(error));
    default:
      return modelError(error.message, fieldsOf(error));
  }
}

/** The remedy is in the message already. */
function fieldsOf(error: LachesisError): ErrorFields {
  const { reason, metadata, field, retryAfterMs } = error;
  return {
    reason,
    metadata,
    ...(field !== undefined && { field }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    cause: error,
  };
}

function fromStatus(error: ConnectError): LachesisError {
  const [detail] = error.findDetails(ErrorDetailSchema);
  const { retryAfter } = detail ?? {};
  const fields: ErrorFields = {
    reason: detail?.reason || 'ENGINE_FAILED',
    metadata: { ...detail?.metadata, status: Code[error.code] },
    ...(retryAfter !== undefined && {
      retryAfterMs: durationMs(retryAfter),
    }),
    cause: error,
  };
  const message = `The policy service answered: ${error.rawMessage}`;
  const origin = detail?.origin ?? ErrorOrigin.UNSPECIFIED;
  const retryable =
    origin === ErrorOrigin.UNSPECIFIED
      ? retryableCodes.has(error.code)
      : origin === ErrorOrigin.INFRASTRUCTURE;
  return retryable ? unreachable(message, fields) : modelError(message, fields);
}

const retryableCodes: ReadonlySet<Code> = new Set([
  Code.Unavailable,
  Code.ResourceExhausted,
  Code.DeadlineExceeded,
  Code.Aborted,
  Code.Canceled,
  Code.Internal,
  Code.Unknown,
]);
