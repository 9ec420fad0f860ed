import { withoutPythonNumbers } from '../../../src/gateways/atropos/json-slices.ts';
import type { Answered } from '../../gateways/atropos/support.ts';

/** Where the answers to one request differ. */
export interface Difference {
  /** `body.queue_size`, `status`, `header allow`. */
  readonly field: string;
  readonly theirs: string;
  readonly ours: string;
}

/** Compares field by field; numbers by their spelling, so that 1 and 1.0 differ. */
export function differencesOf(theirs: Answered, ours: Answered): Difference[] {
  const [left, right] = [fieldsOf(theirs), fieldsOf(ours)];
  return [...new Set([...left.keys(), ...right.keys()])].flatMap((field) => {
    const [a = 'absent', b = 'absent'] = [left.get(field), right.get(field)];
    return a === b ? [] : [{ field, theirs: a, ours: b }];
  });
}

const HEADERS = ['content-type', 'content-encoding', 'allow'];

function fieldsOf({ status, headers, text }: Answered): Map<string, string> {
  const fields = new Map([['status', String(status)]]);
  for (const name of HEADERS) fields.set(`header ${name}`, String(headers[name] ?? 'absent'));
  if (String(headers['content-type']).startsWith('application/json')) {
    flatten(parse(text), 'body', fields);
  } else fields.set('body', text);
  return fields;
}

function parse(text: string): unknown {
  const keepNumbers = (_key: string, value: unknown, context?: { source: string }): unknown =>
    typeof value === 'number' ? `number ${context?.source}` : value;
  return JSON.parse(
    withoutPythonNumbers(text) ?? text,
    keepNumbers as (key: string, value: unknown) => unknown,
  );
}

function flatten(value: unknown, path: string, into: Map<string, string>): void {
  if (typeof value !== 'object' || value === null) {
    into.set(path, typeof value === 'string' ? value : JSON.stringify(value));
    return;
  }
  const entries = Object.entries(value);
  if (entries.length === 0) into.set(path, Array.isArray(value) ? '[]' : '{}');
  for (const [key, item] of entries) {
    flatten(item, Array.isArray(value) ? `${path}[${key}]` : `${path}.${key}`, into);
  }
}
