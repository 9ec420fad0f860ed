import { isJsonObject, type JsonObject } from '../../messages.ts';
import { NOT_A_NUMBER } from './json-slices.ts';
import { type Location, Unprocessable } from './unprocessable.ts';

/**
 * Values as pydantic reads them where it is not strict: "5" and 5.0 are the integer 5, "0.5" and true
 * are numbers. What a Python server took must not fail here for its spelling.
 */
export function laxInteger(value: unknown, loc: Location): number {
  if (Number.isSafeInteger(value)) return value as number;
  if (typeof value === 'boolean') return Number(value);
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw notFinite(loc);
    if (Number.isInteger(value)) throw tooLarge(loc);
    const detail = 'Input should be a valid integer, got a number with a fractional part';
    throw new Unprocessable(loc, 'int_from_float', detail);
  }
  if (value === NOT_A_NUMBER) throw notFinite(loc);
  if (typeof value === 'string') {
    const text = value.trim();
    if (/^[+-]?\d+(\.0*)?$/.test(text)) {
      const number = Number(text);
      if (Number.isSafeInteger(number)) return number;
      throw tooLarge(loc);
    }
    const detail = 'Input should be a valid integer, unable to parse string as an integer';
    throw new Unprocessable(loc, 'int_parsing', detail);
  }
  throw new Unprocessable(loc, 'int_type', 'Input should be a valid integer');
}

/** Finite: NaN and the infinities are refused, in whatever spelling. */
export function laxNumber(value: unknown, loc: Location): number {
  const number = laxFloat(value, loc);
  if (Number.isFinite(number)) return number;
  throw notFinite(loc);
}

/** Any float of Python's: also NaN and the infinities. */
export function laxFloat(value: unknown, loc: Location): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'boolean') return Number(value);
  if (value === NOT_A_NUMBER) return Number.NaN;
  if (typeof value === 'string') {
    const text = value.trim();
    const [, sign, word] = /^([+-]?)(nan|inf)(?:inity)?$/i.exec(text) ?? [];
    if (word !== undefined) return numberOfWord(word, sign === '-');
    if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) return Number(text);
    const detail = 'Input should be a valid number, unable to parse string as a number';
    throw new Unprocessable(loc, 'float_parsing', detail);
  }
  throw new Unprocessable(loc, 'float_type', 'Input should be a valid number');
}

export function text(value: unknown, loc: Location): string {
  if (typeof value === 'string' && value !== NOT_A_NUMBER) return value;
  throw new Unprocessable(loc, 'string_type', 'Input should be a valid string');
}

export function list(value: unknown, loc: Location): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new Unprocessable(loc, 'list_type', 'Input should be a valid list');
}

export function dictionary(value: unknown, loc: Location): JsonObject {
  if (isJsonObject(value)) return value;
  throw new Unprocessable(loc, 'dict_type', 'Input should be a valid dictionary');
}

/** The body of a request, or an element of its list. */
export function model(value: unknown, loc: Location): JsonObject {
  if (isJsonObject(value)) return value;
  const detail = 'Input should be a valid dictionary or object to extract fields from';
  throw new Unprocessable(loc, 'model_attributes_type', detail);
}

/** A field that must be there; null is a value, and mostly a wrong one. */
export function required(body: JsonObject, name: string, loc: Location = []): unknown {
  if (Object.hasOwn(body, name)) return body[name];
  throw new Unprocessable([...loc, name], 'missing', 'Field required');
}

/** A field that may be absent or null, which is the same. */
export function optional(body: JsonObject, name: string): unknown {
  return Object.hasOwn(body, name) ? (body[name] ?? undefined) : undefined;
}

function numberOfWord(word: string, isNegative: boolean): number {
  if (word.toLowerCase() === 'nan') return Number.NaN;
  return isNegative ? -Infinity : Infinity;
}

export function notFinite(loc: Location): Unprocessable {
  return new Unprocessable(loc, 'finite_number', 'Input should be a finite number');
}

function tooLarge(loc: Location): Unprocessable {
  return new Unprocessable(loc, 'int_too_large', 'Input should be an integer of at most 53 bits');
}
