import { invalidInput } from '../errors.ts';
import { createRandom, randomNormal } from './random.ts';
import type { ModelLayout, ModelShape, TensorName } from './shape.ts';
import { layoutOf } from './shape.ts';

/**
 * One immutable set of parameters. The numbers are float32 values held in a Float64Array: exact to
 * publish as float32, and without a conversion per multiplication. A training step makes a new set,
 * so a reader that keeps a reference never sees two versions mixed.
 */
export interface Weights {
  readonly shape: ModelShape;
  readonly layout: ModelLayout;
  readonly values: Float64Array;
}

/** Wraps `values`, which the caller must not touch again. */
export function createWeights(shape: ModelShape, values: Float64Array): Weights {
  const layout = layoutOf(shape);
  if (values.length !== layout.parameters) {
    throw invalidInput('values', `expected ${layout.parameters} parameters, got ${values.length}.`);
  }
  for (let i = 0; i < values.length; i++) values[i] = Math.fround(values[i]!);
  return { shape, layout, values };
}

/** Small random weights to start training from; biases are zero. */
export function initialWeights(shape: ModelShape, seed: number): Weights {
  const layout = layoutOf(shape);
  const random = createRandom(seed);
  const values = new Float64Array(layout.parameters);
  const inputScale = 1 / Math.sqrt(shape.width);
  const scales: Partial<Record<TensorName, number>> = {
    embedding: 0.3,
    shift: 0.3,
    query: inputScale,
    key: inputScale,
    value: inputScale,
    attention_output: inputScale,
    hidden_weight: Math.sqrt(2) * inputScale,
    output_weight: 1 / Math.sqrt(shape.hidden),
  };
  for (const { name, shape: dimensions, offset } of layout.manifest) {
    const scale = scales[name];
    if (scale === undefined) continue;
    const size = dimensions.reduce((product, length) => product * length, 1);
    for (let i = offset; i < offset + size; i++) values[i] = scale * randomNormal(random);
  }
  return createWeights(shape, values);
}

/** The flat weights as float32 little-endian, in manifest order. */
export function weightsToBytes(weights: Weights): Uint8Array {
  const bytes = new Uint8Array(weights.values.length * 4);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < weights.values.length; i++) view.setFloat32(i * 4, weights.values[i]!, true);
  return bytes;
}

/** The reverse of {@link weightsToBytes}. @throws invalid_input on a wrong length or a non-finite number. */
export function weightsFromBytes(shape: ModelShape, bytes: Uint8Array): Weights {
  const { parameters } = layoutOf(shape);
  if (bytes.byteLength !== parameters * 4) {
    throw invalidInput(
      'weights',
      `expected ${parameters * 4} bytes (${parameters} float32 values), got ${bytes.byteLength}.`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values = new Float64Array(parameters);
  for (let i = 0; i < parameters; i++) {
    const value = view.getFloat32(i * 4, true);
    if (!Number.isFinite(value)) throw invalidInput(`weights[${i}]`, `${value} is not finite.`);
    values[i] = value;
  }
  return createWeights(shape, values);
}
