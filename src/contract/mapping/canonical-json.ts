import type { JsonValue } from '../../messages.ts';

/**
 * JSON text with sorted keys and no spaces, numbers and strings as JSON.stringify writes them. It
 * is RFC 8785 (JSON Canonicalization Scheme), whose number and string forms are ECMAScript's own.
 */
export function canonicalJson(value: JsonValue): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value)) {
    return `[${(value as readonly JsonValue[]).map((item) => canonicalJson(item ?? null)).join(',')}]`;
  }
  const object = value as { readonly [key: string]: JsonValue | undefined };
  const members: string[] = [];
  for (const key of Object.keys(object).sort()) {
    const member = object[key];
    if (member !== undefined) members.push(`${JSON.stringify(key)}:${canonicalJson(member)}`);
  }
  return `{${members.join(',')}}`;
}
