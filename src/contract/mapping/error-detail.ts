import { create } from '@bufbuild/protobuf';
import {
  type ErrorDetail,
  ErrorDetailSchema,
  ErrorOrigin,
} from '../../../gen/lachesis/v1/error_pb.ts';
import { clipText, type ErrorKind, errorMessage, LachesisError } from '../../errors.ts';
import { durationFromMs, msFromDuration } from './scalars.ts';

/** The kind travels in the metadata, since a detail inside a message has no status code beside it. */
const KIND = 'kind';

/** A detail travels in a header beside its message, and both may quote what the peer sent. */
const MAX_REMEDY_BYTES = 500;
const MAX_FIELD_BYTES = 250;
const MAX_VALUE_BYTES = 250;

const ORIGIN_OF_KIND: Readonly<Record<ErrorKind, ErrorOrigin>> = {
  invalid_input: ErrorOrigin.REQUEST,
  not_found: ErrorOrigin.REQUEST,
  already_exists: ErrorOrigin.REQUEST,
  failed_precondition: ErrorOrigin.REQUEST,
  out_of_range: ErrorOrigin.REQUEST,
  aborted: ErrorOrigin.REQUEST,
  unauthenticated: ErrorOrigin.REQUEST,
  permission_denied: ErrorOrigin.REQUEST,
  unimplemented: ErrorOrigin.REQUEST,
  cancelled: ErrorOrigin.REQUEST,
  environment_error: ErrorOrigin.ENVIRONMENT,
  model_error: ErrorOrigin.MODEL,
  resource_exhausted: ErrorOrigin.INFRASTRUCTURE,
  infrastructure_error: ErrorOrigin.INFRASTRUCTURE,
  deadline_exceeded: ErrorOrigin.INFRASTRUCTURE,
  internal: ErrorOrigin.INFRASTRUCTURE,
};

/** Whose fault an error of this kind is. */
export function originOfKind(kind: ErrorKind): ErrorOrigin {
  return ORIGIN_OF_KIND[kind];
}

/** The typed detail of whatever was thrown; what is no LachesisError is an `internal` one. */
export function errorDetailToProto(thrown: unknown): ErrorDetail {
  const error = asLachesisError(thrown);
  return create(ErrorDetailSchema, {
    reason: error.reason,
    remedy: clipText(error.remedy ?? '', MAX_REMEDY_BYTES),
    field: clipText(error.field ?? '', MAX_FIELD_BYTES),
    origin: originOfKind(error.kind),
    metadata: { ...clippedValues(error.metadata), [KIND]: error.kind },
    retryAfter: error.retryAfterMs === undefined ? undefined : durationFromMs(error.retryAfterMs),
  });
}

function clippedValues(metadata: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(metadata).map(([name, value]) => [name, clipText(value, MAX_VALUE_BYTES)]),
  );
}

/** A LachesisError of a detail; `kind` (from a status code) wins over what the detail implies. */
export function errorFromDetail(
  detail: ErrorDetail,
  message: string,
  kind: ErrorKind = kindOfDetail(detail),
): LachesisError {
  const { [KIND]: _, ...metadata } = detail.metadata;
  const error = new LachesisError(kind, message, {
    reason: detail.reason,
    metadata,
    ...(detail.field === '' ? {} : { field: detail.field }),
    ...(detail.retryAfter === undefined ? {} : { retryAfterMs: msFromDuration(detail.retryAfter) }),
  });
  // The message from the wire already ends in the remedy, so it is not handed to the constructor.
  return detail.remedy === '' ? error : Object.assign(error, { remedy: detail.remedy });
}

/** The kind that a detail names, or the one its origin implies. */
export function kindOfDetail(detail: ErrorDetail): ErrorKind {
  const named = detail.metadata[KIND];
  if (named !== undefined && named in ORIGIN_OF_KIND) return named as ErrorKind;
  switch (detail.origin) {
    case ErrorOrigin.REQUEST:
      return 'invalid_input';
    case ErrorOrigin.ENVIRONMENT:
      return 'environment_error';
    case ErrorOrigin.MODEL:
      return 'model_error';
    case ErrorOrigin.INFRASTRUCTURE:
      return 'infrastructure_error';
    default:
      return 'internal';
  }
}

function asLachesisError(thrown: unknown): LachesisError {
  if (thrown instanceof LachesisError) return thrown;
  return new LachesisError('internal', errorMessage(thrown), {
    reason: 'INTERNAL',
    cause: thrown,
  });
}
