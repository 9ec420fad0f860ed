import { isJsonObject, type JsonValue } from '../../messages.ts';
import { objectSlices } from './json-slices.ts';

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
    `"masks":${JSON.stringify(Object.fromEntries(kept.masks))}`,
    `"text":{${[...kept.text].map(([name, json]) => `${JSON.stringify(name)}:${json}`).join(',')}}`,
  ];
  return `{${parts.join(',')}}`;
}

/** Undefined when it is not what {@link writeKeptFields} wrote: another producer may use any type. */
export function readKeptFields(json: string): KeptFields | undefined {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return undefined;
  }
  if (!isJsonObject(value)) return undefined;
  const { env_id: envId, given, fills, masks } = value as Record<string, JsonValue>;
  const slices = objectSlices(json);
  const text = slices.get('text');
  if (!isJsonObject(given) || !isJsonObject(fills) || !isJsonObject(masks)) return undefined;
  if (text === undefined || !text.startsWith('{')) return undefined;
  return {
    envId: typeof envId === 'number' ? envId : undefined,
    given: new Map(Object.entries(given)) as KeptFields['given'],
    fills: byIndex(fills) as KeptFields['fills'],
    masks: byIndex(masks) as KeptFields['masks'],
    text: objectSlices(text),
  };
}

function byIndex(values: Readonly<Record<string, JsonValue>>): ReadonlyMap<number, JsonValue> {
  return new Map(Object.entries(values).map(([index, value]) => [Number(index), value]));
}
