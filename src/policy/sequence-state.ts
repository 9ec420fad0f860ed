import type { ModelShape } from './shape.ts';

/**
 * What the model remembers of a sequence: per position its input vector, key and value. Positions
 * are only ever appended, so generation costs one new position per token.
 */
export interface SequenceState {
  readonly width: number;
  length: number;
  ids: Int32Array;
  inputs: Float64Array;
  keys: Float64Array;
  values: Float64Array;
}

/** An empty state with room for `capacity` tokens; it grows by doubling. */
export function createSequenceState(shape: ModelShape, capacity = 64): SequenceState {
  const { width } = shape;
  return {
    width,
    length: 0,
    ids: new Int32Array(capacity),
    inputs: new Float64Array(capacity * width),
    keys: new Float64Array(capacity * width),
    values: new Float64Array(capacity * width),
  };
}

/** Makes room for at least `length` positions, keeping what is there. */
export function reserve(state: SequenceState, length: number): void {
  if (length <= state.ids.length) return;
  const capacity = Math.max(length, state.ids.length * 2);
  const grown = (old: Float64Array): Float64Array => {
    const bigger = new Float64Array(capacity * state.width);
    bigger.set(old.subarray(0, state.length * state.width));
    return bigger;
  };
  const ids = new Int32Array(capacity);
  ids.set(state.ids.subarray(0, state.length));
  state.ids = ids;
  state.inputs = grown(state.inputs);
  state.keys = grown(state.keys);
  state.values = grown(state.values);
}
