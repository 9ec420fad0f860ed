import type { LogRecord, LogWriter } from './logger.ts';

/** The part of a writable stream that the writer needs; `process.stderr` fits. */
export interface LineTarget {
  write(text: string): unknown;
}

/** Longest string that is printed whole; the rest of a longer one is replaced by its length. */
const MAX_STRING_CHARS = 8_192;
const MAX_CAUSES = 8;

/** A writer that prints one JSON object a line: `time`, `level`, `message`, then the fields. */
export function jsonLinesWriter(target: LineTarget): LogWriter {
  return (record) => {
    try {
      target.write(`${formatJsonLine(record)}\n`);
    } catch {
      // A closed pipe or a full disk must not end the work that was being logged.
    }
  };
}

/** One record as a JSON line without its newline. Never throws: what JSON cannot hold is described. */
export function formatJsonLine(record: LogRecord): string {
  const head = { time: record.time.toISOString(), level: record.level, message: record.message };
  const fields: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(record.fields)) {
    // A field may not overwrite the line's own keys, or a caller could forge its level.
    fields[name in head ? `field_${name}` : name] = value;
  }
  try {
    return JSON.stringify({ ...head, ...fields }, plain);
  } catch (error) {
    return JSON.stringify({ ...head, unprintable: String(error), fields: Object.keys(fields) });
  }
}

function plain(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  if (typeof value === 'string' && value.length > MAX_STRING_CHARS) {
    return `${value.slice(0, MAX_STRING_CHARS)}... (${value.length} characters)`;
  }
  if (value instanceof Error) return describeError(value, 0);
  if (value instanceof Uint8Array) return `(${value.byteLength} bytes)`;
  if (value instanceof Map) return Object.fromEntries(value);
  if (value instanceof Set) return [...value];
  return value;
}

function describeError(error: Error, depth: number): Record<string, unknown> {
  const described: Record<string, unknown> = {
    name: error.name,
    message: error.message,
    stack: error.stack,
  };
  for (const key of ['kind', 'reason', 'code', 'field'] as const) {
    const value = (error as unknown as Record<string, unknown>)[key];
    if (value !== undefined) described[key] = value;
  }
  if (error.cause !== undefined && depth < MAX_CAUSES) {
    described['cause'] =
      error.cause instanceof Error ? describeError(error.cause, depth + 1) : String(error.cause);
  }
  return described;
}
