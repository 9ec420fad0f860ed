import type { JsonObject } from '../../messages.ts';
import { list, optional } from './lax-values.ts';
import { integerRow, readFloats } from './read-rows.ts';
import { type Location, Unprocessable } from './unprocessable.ts';

/** A teacher's choices of one sequence: at each position some ids, and a logprob for each. */
export interface DistilledSequence {
  readonly ids: readonly Int32Array[];
  readonly logprobs: readonly Float64Array[];
}

/** Both arrays; a list is empty where the environment said `[]`, undefined where it said nothing. */
export interface Distilled {
  readonly ids: readonly (readonly Int32Array[])[] | undefined;
  readonly logprobs: readonly (readonly Float64Array[])[] | undefined;
}

/** Reads `[sequence][position][k]`: as many positions as tokens, and the same k in both arrays. */
export function readDistilled(
  body: JsonObject,
  tokens: readonly Int32Array[],
  at: Location,
): Distilled {
  const ids = readCube(body, 'distill_token_ids', tokens, at, (row, loc) =>
    integerRow(row, loc, -(2 ** 31)),
  );
  const logprobs = readCube(body, 'distill_logprobs', tokens, at, readFloats);
  if (ids === undefined || logprobs === undefined || ids.length !== logprobs.length) {
    if ((ids?.length ?? 0) === (logprobs?.length ?? 0)) return { ids, logprobs };
    const loc = [...at, (ids?.length ?? 0) === 0 ? 'distill_token_ids' : 'distill_logprobs'];
    throw new Unprocessable(loc, 'length_mismatch', 'is missing beside its other half');
  }
  ids.forEach((sequence, i) => {
    sequence.forEach((row, j) => {
      const found = logprobs[i]?.[j]?.length;
      if (found === row.length) return;
      const detail = `has ${found} entries for ${row.length} ids`;
      throw new Unprocessable([...at, 'distill_logprobs', i, j], 'length_mismatch', detail);
    });
  });
  return { ids, logprobs };
}

function readCube<Row>(
  body: JsonObject,
  name: string,
  tokens: readonly Int32Array[],
  at: Location,
  read: (row: unknown, loc: Location) => Row,
): readonly (readonly Row[])[] | undefined {
  const value = optional(body, name);
  if (value === undefined) return undefined;
  const sequences = list(value, [...at, name]);
  if (sequences.length > 0 && sequences.length !== tokens.length) {
    const detail = `has ${sequences.length} sequences where tokens has ${tokens.length}`;
    throw new Unprocessable([...at, name], 'length_mismatch', detail);
  }
  return sequences.map((sequence, i) => {
    const loc = [...at, name, i];
    const positions = list(sequence, loc);
    const wanted = (tokens[i] as Int32Array).length;
    if (positions.length !== wanted) {
      const detail = `has ${positions.length} positions for ${wanted} tokens`;
      throw new Unprocessable(loc, 'length_mismatch', detail);
    }
    return positions.map((row, j) => read(row, [...loc, j]));
  });
}
