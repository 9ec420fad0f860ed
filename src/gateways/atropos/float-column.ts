import type { Column } from '../../tokens/index.ts';

/**
 * Numbers beside the tokens, as columns. A trainer reads the float32 one. Where that would round, the
 * float64 bits stand beside it, so that what an environment pushed comes out digit for digit.
 */
export function floatColumns(
  name: string,
  values: Float64Array,
  options: { readonly axis: Column['axis']; readonly entryShape?: readonly number[] },
): readonly Column[] {
  const { axis, entryShape = [] } = options;
  const single: Column = {
    name,
    type: 'float32',
    axis,
    entryShape,
    data: bytesOf(Float32Array.from(values)),
  };
  const exact = exactColumn(name, values, { axis, entryShape });
  return exact === undefined ? [single] : [single, exact];
}

/** The float64 column of values that a float32 rounds; undefined when it rounds none. */
export function exactColumn(
  name: string,
  values: Float64Array,
  options: { readonly axis: Column['axis']; readonly entryShape?: readonly number[] },
): Column | undefined {
  if (values.every((value) => Object.is(Math.fround(value), value))) return undefined;
  return {
    name: exactName(name),
    type: 'uint8',
    axis: options.axis,
    entryShape: [...(options.entryShape ?? []), 8],
    data: bytesOf(values),
  };
}

/** What {@link floatColumns} wrote, or another producer's float32 column of that name; undefined for none. */
export function readFloatColumn(
  columns: readonly Column[],
  name: string,
): { readonly values: Float64Array; readonly entryShape: readonly number[] } | undefined {
  const single = columns.find((column) => column.name === name && column.type === 'float32');
  const exact = readExactColumn(columns, name);
  if (exact !== undefined) return { values: exact, entryShape: single?.entryShape ?? [] };
  if (single === undefined) return undefined;
  return {
    values: Float64Array.from(new Float32Array(alignedCopy(single.data))),
    entryShape: single.entryShape,
  };
}

export function readExactColumn(
  columns: readonly Column[],
  name: string,
): Float64Array | undefined {
  const exact = columns.find((column) => column.name === exactName(name));
  return exact === undefined ? undefined : new Float64Array(alignedCopy(exact.data));
}

/** Int32 entries of `[k]` per token. */
export function intColumn(name: string, values: Int32Array, k: number): Column {
  return { name, type: 'int32', axis: 'all_tokens', entryShape: [k], data: bytesOf(values) };
}

export function readIntColumn(columns: readonly Column[], name: string): Int32Array | undefined {
  const column = columns.find((each) => each.name === name && each.type === 'int32');
  return column === undefined ? undefined : new Int32Array(alignedCopy(column.data));
}

function exactName(name: string): string {
  return `atropos.${name}_f64`;
}

function bytesOf(values: Float64Array | Float32Array | Int32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

function alignedCopy(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}
