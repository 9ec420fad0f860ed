import { laxInteger, laxNumber, list } from './lax-values.ts';
import { type Location, Unprocessable } from './unprocessable.ts';

const MAX_INT32 = 2 ** 31 - 1;
const MIN_INT32 = -(2 ** 31);

/** Lists of token ids, each of at least one. */
export function readIds(
  value: unknown,
  loc: Location,
  options: { readonly mayBeNegative?: boolean } = {},
): readonly Int32Array[] {
  const least = options.mayBeNegative === true ? MIN_INT32 : 0;
  return list(value, loc).map((row, i) => {
    const ids = integerRow(row, [...loc, i], least);
    if (ids.length === 0) {
      throw new Unprocessable([...loc, i], 'too_short', 'List should have at least 1 item');
    }
    return ids;
  });
}

/** One list of 32-bit integers, of at least `least` each. */
export function integerRow(value: unknown, loc: Location, least: number): Int32Array {
  const items = list(value, loc);
  const row = new Int32Array(items.length);
  for (let j = 0; j < items.length; j++) {
    const item = items[j];
    // The usual case without a location per token.
    const id = Number.isSafeInteger(item) ? (item as number) : laxInteger(item, [...loc, j]);
    if (id < least || id > MAX_INT32) {
      const detail = `Input should be an integer from ${least} to ${MAX_INT32}`;
      throw new Unprocessable([...loc, j], 'out_of_range', detail);
    }
    row[j] = id;
  }
  return row;
}

export function readNumbers(value: unknown, loc: Location): Float64Array {
  const items = list(value, loc);
  const row = new Float64Array(items.length);
  for (let j = 0; j < items.length; j++) {
    const item = items[j];
    row[j] = Number.isFinite(item) ? (item as number) : laxNumber(item, [...loc, j]);
  }
  return row;
}

/** Numbers of a token column, whose place for a trainer is a float32. */
export function readFloats(value: unknown, loc: Location): Float64Array {
  const row = readNumbers(value, loc);
  for (let j = 0; j < row.length; j++) {
    if (Number.isFinite(Math.fround(row[j] as number))) continue;
    throw new Unprocessable([...loc, j], 'out_of_range', 'Input should fit a 32-bit float');
  }
  return row;
}
