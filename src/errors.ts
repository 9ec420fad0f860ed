/**
 * The one error base. A `kind` says whose fault it is, which decides what may be done about it:
 * the caller's input, the state of things, an environment's code, the infrastructure, or a cancel.
 */
export type ErrorKind =
  | 'invalid_input'
  | 'not_found'
  | 'already_exists'
  | 'failed_precondition'
  | 'out_of_range'
  | 'aborted'
  | 'resource_exhausted'
  | 'unauthenticated'
  | 'permission_denied'
  | 'unimplemented'
  | 'environment_error'
  | 'model_error'
  | 'infrastructure_error'
  | 'deadline_exceeded'
  | 'cancelled'
  | 'internal';

export interface ErrorFields {
  /** Stable, upper snake case, safe to branch on: `TOKEN_COLUMN_LENGTH`. */
  readonly reason: string;
  /** What the reader can do about it, as a sentence. */
  readonly remedy?: string;
  /** Path of the offending field, as the caller spelled it: `group.rows[2].logprobs`. */
  readonly field?: string;
  /** Small machine-readable facts, such as the oldest sequence still held. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** When trying again is sensible, the pause before it. */
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
}

/** An error that a caller may branch on by `kind` and `reason`; `message` already holds the fix. */
export class LachesisError extends Error {
  override readonly name = 'LachesisError';
  readonly kind: ErrorKind;
  readonly reason: string;
  readonly remedy: string | undefined;
  readonly field: string | undefined;
  readonly metadata: Readonly<Record<string, string>>;
  readonly retryAfterMs: number | undefined;

  constructor(kind: ErrorKind, message: string, fields: ErrorFields) {
    super(
      fields.remedy === undefined ? message : `${message} ${fields.remedy}`,
      fields.cause === undefined ? undefined : { cause: fields.cause },
    );
    this.kind = kind;
    this.reason = fields.reason;
    this.remedy = fields.remedy;
    this.field = fields.field;
    this.metadata = Object.freeze({ ...fields.metadata });
    this.retryAfterMs = fields.retryAfterMs;
  }
}

/** An input the caller can correct; `field` names it as the caller spelled it. */
export function invalidInput(
  field: string,
  message: string,
  fields: Partial<ErrorFields> = {},
): LachesisError {
  return new LachesisError('invalid_input', `${field}: ${message}`, {
    reason: 'INVALID_FIELD',
    ...fields,
    field,
  });
}

const encoder = new TextEncoder();

/**
 * The beginning of a text, of at most so many bytes of UTF-8, with a mark where it was cut. An error
 * may quote what somebody sent, and travels in headers, which most peers cap at 8 KiB in all.
 */
export function clipText(text: string, maxBytes: number): string {
  if (text.length * 3 <= maxBytes) return text;
  const { read } = encoder.encodeInto(text, new Uint8Array(maxBytes));
  if (read === text.length) return text;
  const room = encoder.encodeInto(text, new Uint8Array(Math.max(0, maxBytes - 3)));
  return `${text.slice(0, room.read)}\u2026`;
}

/** The message of whatever was thrown, for a log line or a typed detail. Never throws itself. */
export function errorMessage(thrown: unknown): string {
  try {
    return String(thrown instanceof Error ? thrown.message : thrown);
  } catch {
    // Such as Object.create(null), which has no text.
    return "a value that can't be shown";
  }
}

/** Whether a fired signal's reason is a time limit, and not somebody's wish. */
export function isDeadline(reason: unknown): boolean {
  if (reason instanceof LachesisError) return reason.kind === 'deadline_exceeded';
  // As AbortSignal.timeout() says it.
  return reason instanceof Error && reason.name === 'TimeoutError';
}
