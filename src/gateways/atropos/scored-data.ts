import type { JsonObject } from '../../messages.ts';
import { depthOf, NOT_A_NUMBER, objectSlices } from './json-slices.ts';
import { dictionary, laxInteger, list, notFinite, optional, required } from './lax-values.ts';
import { type PushedLogprobs, readLogprobs } from './pushed-logprobs.ts';
import { type Distilled, readDistilled } from './read-distilled.ts';
import { readFloats, readIds, readNumbers } from './read-rows.ts';
import { type Location, Unprocessable } from './unprocessable.ts';

/** Fields of any shape, which go out again as the very text that came in. */
export const OPAQUE_FIELDS = [
  'messages',
  'generation_params',
  'overrides',
  'group_overrides',
  'images',
] as const;

/** Most lists and objects that may stand in each other in an opaque field. */
const MAX_DEPTH = 128;

/** A scored group as an environment pushes it, checked: all lengths agree, and all numbers but logprobs are finite. */
export interface ScoredData {
  /** One per sequence, none of them empty. */
  readonly tokens: readonly Int32Array[];
  /** As they came: -100 where a position is not trained, mostly the token's id elsewhere. */
  readonly masks: readonly Int32Array[];
  readonly scores: Float64Array;
  /** By position, or an empty list where the environment said `[]`. */
  readonly advantages: readonly Float64Array[] | undefined;
  readonly refLogprobs: readonly Float64Array[] | undefined;
  readonly inferenceLogprobs: readonly PushedLogprobs[] | undefined;
  readonly distilled: Distilled;
  readonly envId: number | undefined;
  /** The opaque fields that are not null, as text. */
  readonly opaque: ReadonlyMap<string, string>;
  /** The messages, parsed, for who reads transcripts. */
  readonly messages: readonly (readonly JsonObject[])[] | undefined;
  readonly temperature: number | undefined;
}

/** Reads one group from its parsed body and the text of that. Throws an {@link Unprocessable} naming the field. */
export function readScoredData(
  body: JsonObject,
  text: () => string,
  at: Location = [],
): ScoredData {
  const tokens = readIds(required(body, 'tokens', at), [...at, 'tokens']);
  if (tokens.length === 0) throw wrong([...at, 'tokens'], 'has no sequence');
  const masks = readIds(required(body, 'masks', at), [...at, 'masks'], { mayBeNegative: true });
  const scores = readNumbers(required(body, 'scores', at), [...at, 'scores']);
  checkLengths(masks, tokens, [...at, 'masks']);
  if (scores.length !== tokens.length) {
    throw wrong([...at, 'scores'], `has ${scores.length} entries for ${tokens.length} sequences`);
  }
  const rowsOf = <Row extends ArrayLike<unknown>>(
    name: string,
    read: (value: unknown, loc: Location) => Row,
  ): readonly Row[] | undefined => {
    const value = optional(body, name);
    if (value === undefined) return undefined;
    const rows = list(value, [...at, name]).map((row, i) => read(row, [...at, name, i]));
    // `[]` is what the SDK says for "none" where it collects sequence by sequence.
    if (rows.length > 0) checkLengths(rows, tokens, [...at, name]);
    return rows;
  };
  const columns = {
    advantages: rowsOf('advantages', readFloats),
    refLogprobs: rowsOf('ref_logprobs', readFloats),
    inferenceLogprobs: rowsOf('inference_logprobs', readLogprobs),
  };
  const envId = optional(body, 'env_id');
  return {
    tokens,
    masks,
    scores,
    ...columns,
    distilled: readDistilled(body, tokens, at),
    envId: envId === undefined ? undefined : environmentId(envId, [...at, 'env_id']),
    ...readOpaque(body, text, tokens.length, at),
  };
}

/** An environment's id: a count, so that none indexes from the end. */
export function environmentId(value: unknown, loc: Location): number {
  const id = laxInteger(value, loc);
  if (id >= 0) return id;
  throw new Unprocessable(loc, 'greater_than_equal', 'Input should be greater than or equal to 0');
}

function readOpaque(
  body: JsonObject,
  text: () => string,
  sequences: number,
  at: Location,
): Pick<ScoredData, 'opaque' | 'messages' | 'temperature'> {
  const given = OPAQUE_FIELDS.filter((name) => optional(body, name) !== undefined);
  if (given.length === 0) return { opaque: new Map(), messages: undefined, temperature: undefined };
  const slices = objectSlices(text());
  const opaque = new Map(given.map((name) => [name as string, slices.get(name) ?? 'null']));
  for (const [name, slice] of opaque) {
    if (depthOf(slice) <= MAX_DEPTH) continue;
    const detail = `nests deeper than ${MAX_DEPTH} lists and objects`;
    throw new Unprocessable([...at, name], 'too_deep', detail);
  }
  for (const name of given) assertFinite(body[name], [...at, name]);
  const perSequence = (name: string): readonly unknown[] | undefined => {
    const value = optional(body, name);
    if (value === undefined) return undefined;
    const items = list(value, [...at, name]);
    if (items.length === 0 || items.length === sequences) return items;
    throw wrong([...at, name], `has ${items.length} entries for ${sequences} sequences`);
  };
  perSequence('overrides')?.forEach((item, i) => dictionary(item, [...at, 'overrides', i]));
  const parameters = optional(body, 'generation_params');
  const generation =
    parameters === undefined ? undefined : dictionary(parameters, [...at, 'generation_params']);
  const group = optional(body, 'group_overrides');
  if (group !== undefined) dictionary(group, [...at, 'group_overrides']);
  const messages = perSequence('messages')?.map((item, i) =>
    list(item, [...at, 'messages', i]).map((each, j) =>
      chatMessage(each, [...at, 'messages', i, j]),
    ),
  );
  const temperature = generation?.['temperature'];
  return {
    opaque,
    messages,
    temperature: typeof temperature === 'number' && temperature >= 0 ? temperature : undefined,
  };
}

function chatMessage(value: unknown, loc: Location): JsonObject {
  const message = dictionary(value, loc);
  if ('role' in message && 'content' in message) return message;
  const detail = "Value error, Message must have 'role' and 'content' fields";
  throw new Unprocessable(loc.slice(0, -2), 'value_error', detail);
}

/** What stands in an opaque value goes to a trainer as JSON, which has no NaN. */
function assertFinite(value: unknown, loc: Location): void {
  if (value === NOT_A_NUMBER) throw notFinite(loc);
  if (typeof value === 'number' && !Number.isFinite(value)) throw notFinite(loc);
  if (typeof value !== 'object' || value === null) return;
  if (Array.isArray(value)) value.forEach((item, i) => assertFinite(item, [...loc, i]));
  else for (const [key, item] of Object.entries(value)) assertFinite(item, [...loc, key]);
}

function checkLengths(
  rows: readonly ArrayLike<unknown>[],
  tokens: readonly Int32Array[],
  loc: Location,
): void {
  if (rows.length !== tokens.length) {
    throw wrong(loc, `has ${rows.length} sequences where tokens has ${tokens.length}`);
  }
  tokens.forEach(({ length }, i) => {
    const found = (rows[i] as ArrayLike<unknown>).length;
    if (found !== length) throw wrong([...loc, i], `has ${found} positions for ${length} tokens`);
  });
}

function wrong(loc: Location, detail: string): Unprocessable {
  return new Unprocessable(loc, 'length_mismatch', detail);
}
