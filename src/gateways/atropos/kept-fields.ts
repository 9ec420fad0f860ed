import { isJsonObject, type JsonValue } from '../../messages.ts';
import { NOT_A_NUMBER, objectSlices, withoutPythonNumbers } from './json-slices.ts';

/** The type of the opaque content part that holds them. */
export const KEPT_FIELDS_TYPE = 'atropos.scored_data/1';

/** Token columns that a group may have or not. */
export const COLUMN_FIELDS = [
  'advantages',
  'ref_logprobs',
  'inference_logprobs',
  'distill_token_ids',
  'distill_logprobs',
] as const;
export type ColumnField = (typeof COLUMN_FIELDS)[number];

/**
 * What of a ScoredData our columns have no place for: it travels with the group's first transcript, as
 * an opaque part, so that the gateway gives it back as it came.
 */
export interface KeptFields {
  readonly envId: number | undefined;
  /** `columns`: in the rows. `empty`: the environment said `[]`. `text`: below. Absent: null. */
  readonly given: ReadonlyMap<ColumnField, 'columns' | 'empty' | 'text'>;
  /** By sequence, where the untrained positions of `inference_logprobs` are not all 1.0: their value, or values. */
  readonly fills: ReadonlyMap<number, number | readonly number[]>;
  /** By sequence: `inference_logprobs` that can't be made again from the row's own, as Python writes them. */
  readonly logprobs: ReadonlyMap<number, string>;
  /** By sequence: masks that hold something else than -100 and the token's id. */
  readonly masks: ReadonlyMap<number, readonly number[]>;
  /** By field: JSON text, verbatim. */
  readonly text: ReadonlyMap<string, string>;
}

export function writeKeptFields(kept: KeptFields): string {
  const parts = [
    `"env_id":${kept.envId ?? 'null'}`,
    `"given":${JSON.stringify(Object.fromEntries(kept.given))}`,
    `"fills":${JSON.stringify(Object.fromEntries(kept.fills))}`,
    `"logprobs":${JSON.stringify(Object.fromEntries(kept.logprobs))}`,
    `"masks":${JSON.stringify(Object.fromEntries(kept.masks))}`,
    `"text":{${[...kept.text].map(([name, json]) => `${JSON.stringify(name)}:${json}`).join(',')}}`,
  ];
  return `{${parts.join(',')}}`;
}

/** Undefined when it is not what {@link writeKeptFields} writes: another producer may use any type. */
export function readKeptFields(json: string): KeptFields | undefined {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return undefined;
  }
  if (!isJsonObject(value)) return undefined;
  const { env_id: envId, given, fills, masks, logprobs = {} } = value as Record<string, JsonValue>;
  const text = objectSlices(json).get('text');
  const parts = {
    given: byKey(given, isGiven),
    fills: byKey(fills, isFill),
    logprobs: byKey(logprobs, isFloatsText),
    masks: byKey(masks, isNumbers),
  };
  if (parts.given === undefined || parts.fills === undefined) return undefined;
  if (parts.logprobs === undefined || parts.masks === undefined) return undefined;
  if (text === undefined || !text.startsWith('{')) return undefined;
  return {
    envId: typeof envId === 'number' ? envId : undefined,
    given: parts.given as KeptFields['given'],
    fills: byIndex(parts.fills),
    logprobs: byIndex(parts.logprobs),
    masks: byIndex(parts.masks),
    text: objectSlices(text),
  };
}

/** Undefined unless it is an object of such values: they go out as they are, and must not spoil a batch. */
function byKey<Value extends JsonValue>(
  value: JsonValue | undefined,
  is: (item: JsonValue) => item is Value,
): ReadonlyMap<string, Value> | undefined {
  if (!isJsonObject(value)) return undefined;
  const entries = Object.entries(value);
  return entries.every((entry): entry is [string, Value] => is(entry[1]))
    ? new Map(entries)
    : undefined;
}

function byIndex<Value>(values: ReadonlyMap<string, Value>): ReadonlyMap<number, Value> {
  return new Map([...values].map(([index, value]) => [Number(index), value]));
}

function isGiven(value: JsonValue): value is 'columns' | 'empty' | 'text' {
  return value === 'columns' || value === 'empty' || value === 'text';
}

function isNumbers(value: JsonValue): value is readonly number[] & JsonValue {
  return Array.isArray(value) && value.every((item) => typeof item === 'number');
}

function isFill(value: JsonValue): value is (number | readonly number[]) & JsonValue {
  return typeof value === 'number' || isNumbers(value);
}

/** A list in Python's spelling, which may hold NaN. */
function isFloatsText(value: JsonValue): value is string {
  if (typeof value !== 'string') return false;
  try {
    const items: unknown = JSON.parse(withoutPythonNumbers(value) ?? value);
    return Array.isArray(items) && items.every(isFloat);
  } catch {
    return false;
  }
}

function isFloat(item: unknown): boolean {
  return item === null || typeof item === 'number' || item === NOT_A_NUMBER;
}
