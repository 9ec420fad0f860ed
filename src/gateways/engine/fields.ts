import { invalidInput } from '../../errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../messages.ts';

/** Reads fields of a request body; null is the same as absent, and a wrong type is an error by name. */
export interface Fields {
  number(name: string): number | undefined;
  integer(name: string): number | undefined;
  flag(name: string): boolean;
  text(name: string): string | undefined;
  ids(name: string): Int32Array | undefined;
  list(name: string): readonly JsonValue[] | undefined;
  object(name: string): JsonObject | undefined;
}

export function fieldsOf(body: JsonObject, path = ''): Fields {
  const at = (name: string): string => (path === '' ? name : `${path}.${name}`);
  const get = (name: string): JsonValue | undefined => body[name] ?? undefined;
  const wrong = (name: string, wanted: string): Error =>
    invalidInput(at(name), `is ${JSON.stringify(body[name])?.slice(0, 80)}; give ${wanted}.`);
  const number = (name: string): number | undefined => {
    const value = get(name);
    if (value === undefined || typeof value === 'number') return value;
    throw wrong(name, 'a number');
  };
  return {
    number,
    integer: (name) => {
      const value = number(name);
      if (value === undefined || Number.isSafeInteger(value)) return value;
      throw wrong(name, 'a whole number');
    },
    flag: (name) => {
      const value = get(name);
      if (value === undefined || typeof value === 'boolean') return value ?? false;
      throw wrong(name, 'true or false');
    },
    text: (name) => {
      const value = get(name);
      if (value === undefined || typeof value === 'string') return value;
      throw wrong(name, 'a string');
    },
    ids: (name) => {
      const value = get(name);
      if (value === undefined) return undefined;
      if (isIdList(value)) return Int32Array.from(value);
      throw wrong(name, 'a list of token ids');
    },
    list: (name) => {
      const value = get(name);
      if (value === undefined || isList(value)) return value;
      throw wrong(name, 'a list');
    },
    object: (name) => {
      const value = get(name);
      if (value === undefined) return undefined;
      if (isJsonObject(value)) return value;
      throw wrong(name, 'an object');
    },
  };
}

export function isIdList(value: JsonValue | undefined): value is readonly number[] {
  return (
    isList(value) && value.every((id) => Number.isInteger(id) && id !== null && (id as number) >= 0)
  );
}

function isList(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value);
}
