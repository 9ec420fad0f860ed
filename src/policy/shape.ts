import { invalidInput } from '../errors.ts';

/** The sizes of the model. Everything else (tensor names, offsets) follows from them. */
export interface ModelShape {
  readonly vocabularySize: number;
  /** Size of the residual stream; a multiple of 4 times the number of heads. */
  readonly width: number;
  /** Units of the ReLU layer; a multiple of 4. */
  readonly hidden: number;
  /** One entry per head: how much a score falls per token of distance (Press et al., ALiBi). */
  readonly slopes: readonly number[];
}

export type TensorName =
  | 'embedding'
  | 'shift'
  | 'query'
  | 'key'
  | 'value'
  | 'attention_output'
  | 'hidden_weight'
  | 'hidden_bias'
  | 'output_weight'
  | 'output_bias'
  | 'logit_bias';

/** Where a tensor lies in the flat weights; `offset` counts elements, not bytes. */
export interface TensorEntry {
  readonly name: TensorName;
  readonly shape: readonly number[];
  readonly offset: number;
}

/** The flat layout: offsets by name, and the manifest in storage order. */
export interface ModelLayout {
  readonly offsets: Readonly<Record<TensorName, number>>;
  readonly manifest: readonly TensorEntry[];
  readonly parameters: number;
}

/** Matrices are row-major with one row per output, so a row is one dot product. */
export function layoutOf(shape: ModelShape): ModelLayout {
  const { vocabularySize, width, hidden } = checkShape(shape);
  const sizes: readonly (readonly [TensorName, readonly number[]])[] = [
    ['embedding', [vocabularySize, width]],
    ['shift', [vocabularySize, width]],
    ['query', [width, width]],
    ['key', [width, width]],
    ['value', [width, width]],
    ['attention_output', [width, width]],
    ['hidden_weight', [hidden, width]],
    ['hidden_bias', [hidden]],
    ['output_weight', [width, hidden]],
    ['output_bias', [width]],
    ['logit_bias', [vocabularySize]],
  ];
  const offsets = {} as Record<TensorName, number>;
  const manifest: TensorEntry[] = [];
  let parameters = 0;
  for (const [name, dimensions] of sizes) {
    offsets[name] = parameters;
    manifest.push({ name, shape: dimensions, offset: parameters });
    parameters += dimensions.reduce((product, size) => product * size, 1);
  }
  return { offsets, manifest, parameters };
}

function checkShape(shape: ModelShape): ModelShape {
  const { vocabularySize, width, hidden, slopes } = shape;
  const whole = [vocabularySize, width, hidden].every((size) => Number.isInteger(size) && size > 0);
  // The inner loops are unrolled by four and have no remainder.
  if (!whole || slopes.length === 0 || width % (4 * slopes.length) !== 0 || hidden % 4 !== 0) {
    throw invalidInput(
      'shape',
      `sizes must be positive, width a multiple of 4 x heads and hidden of 4; got ${JSON.stringify(shape)}.`,
    );
  }
  return shape;
}
