import { create } from '@bufbuild/protobuf';
import {
  type Duration,
  DurationSchema,
  type Timestamp,
  TimestampSchema,
} from '@bufbuild/protobuf/wkt';
import { errorMessage, invalidInput } from '../../errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../messages.ts';

/** An int64 field as a number. Throws when it is beyond 2^53 - 1, where a number would lie. */
export function numberFromInt64(value: bigint, field: string): number {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  throw invalidInput(field, `is ${value}; numbers beyond ±(2^53 - 1) are not supported here.`, {
    reason: 'INTEGER_TOO_LARGE',
  });
}

/** As {@link numberFromInt64}, for a count: never negative. */
export function countFromInt64(value: bigint, field: string): number {
  return countFromInt32(numberFromInt64(value, field), field);
}

/** A count that must not be negative. */
export function countFromInt32(value: number, field: string): number {
  if (value >= 0) return value;
  throw invalidInput(field, `is ${value}; a count can't be negative.`, {
    reason: 'NEGATIVE_COUNT',
  });
}

/** A number as an int64 field. Throws when it is no integer. */
export function int64FromNumber(value: number, field: string): bigint {
  if (Number.isSafeInteger(value)) return BigInt(value);
  throw invalidInput(field, `is ${value}; a whole number below 2^53 is needed.`, {
    reason: 'NOT_AN_INTEGER',
  });
}

/** Milliseconds as a Duration, kept to the microsecond. */
export function durationFromMs(ms: number): Duration {
  const micros = Math.round(ms * 1000);
  const seconds = Math.trunc(micros / 1e6);
  return create(DurationSchema, {
    seconds: BigInt(seconds),
    nanos: (micros - seconds * 1e6) * 1000,
  });
}

/** Milliseconds of a Duration; an absent one is 0. */
export function msFromDuration(duration: Duration | undefined): number {
  return duration === undefined ? 0 : Number(duration.seconds) * 1000 + duration.nanos / 1e6;
}

/** Milliseconds since the Unix epoch as a Timestamp, kept to the millisecond. */
export function timestampFromMs(ms: number): Timestamp {
  const whole = Math.round(ms);
  const seconds = Math.floor(whole / 1000);
  return create(TimestampSchema, {
    seconds: BigInt(seconds),
    nanos: (whole - seconds * 1000) * 1e6,
  });
}

/** Milliseconds since the Unix epoch; an absent Timestamp is 0. */
export function msFromTimestamp(timestamp: Timestamp | undefined): number {
  return timestamp === undefined
    ? 0
    : Number(timestamp.seconds) * 1000 + Math.trunc(timestamp.nanos / 1e6);
}

/** Deeper data would overflow the stack of whoever walks it. */
const MAX_JSON_DEPTH = 256;

/** A field that holds JSON text. */
export function jsonFromText(text: string, field: string): JsonValue {
  if (nestsDeeperThan(MAX_JSON_DEPTH, text)) {
    throw invalidInput(field, `nests deeper than ${MAX_JSON_DEPTH} levels.`, {
      reason: 'JSON_TOO_DEEP',
    });
  }
  try {
    return JSON.parse(text) as JsonValue;
  } catch (error) {
    throw invalidInput(field, `is no JSON: ${errorMessage(error)}.`, {
      reason: 'NOT_JSON',
      cause: error,
    });
  }
}

const [QUOTE, BACKSLASH] = [0x22, 0x5c];
const OPENING: ReadonlySet<number> = new Set([0x5b, 0x7b]);
const CLOSING: ReadonlySet<number> = new Set([0x5d, 0x7d]);

function nestsDeeperThan(most: number, text: string): boolean {
  let depth = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) quoted = !quoted;
    else if (quoted) {
      if (code === BACKSLASH) i += 1;
    } else if (OPENING.has(code)) {
      depth += 1;
      if (depth > most) return true;
    } else if (CLOSING.has(code)) depth -= 1;
  }
  return false;
}

/** A field that holds a JSON object as text. */
export function jsonObjectFromText(text: string, field: string): JsonObject {
  const value = jsonFromText(text, field);
  if (isJsonObject(value)) return value;
  throw invalidInput(field, 'must be a JSON object.', { reason: 'NOT_A_JSON_OBJECT' });
}

/** A message field that must be there. */
export function required<Value>(value: Value | undefined, field: string): Value {
  if (value !== undefined) return value;
  throw invalidInput(field, 'is missing.', { reason: 'FIELD_MISSING' });
}

/** Throws unless it is from 1 to `most`. */
export function upTo(most: number, value: number, field: string): number {
  if (positive(value, field) <= most) return value;
  throw invalidInput(field, `is ${value}; it must be at most ${most}.`, { reason: 'TOO_LARGE' });
}

/** Throws unless it is at least 1. */
export function positive(value: number, field: string): number {
  if (value >= 1) return value;
  throw invalidInput(field, `is ${value}; it must be at least 1.`, { reason: 'NOT_POSITIVE' });
}
