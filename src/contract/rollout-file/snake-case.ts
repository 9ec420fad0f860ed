import type { JsonValue } from '../../messages.ts';

/** Field names in snake case, at every depth. Only for records whose keys are all field names. */
export function toSnakeCase(value: unknown): JsonValue {
  return mapKeys(value, (key) => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`));
}

/** The inverse of {@link toSnakeCase}. */
export function toCamelCase(value: unknown): JsonValue {
  return mapKeys(value, (key) => key.replace(/_([a-z0-9])/g, (_, letter) => letter.toUpperCase()));
}

function mapKeys(value: unknown, rename: (key: string) => string): JsonValue {
  if (Array.isArray(value)) return value.map((item) => mapKeys(item, rename));
  if (value === null || typeof value !== 'object') return value as JsonValue;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, item]) => item !== undefined)
      // Extra request fields are the engine's own and keep their spelling.
      .map(([key, item]) => [rename(key), key === 'extra' ? item : mapKeys(item, rename)]),
  );
}
