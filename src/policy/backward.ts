import type { Distribution } from './distribution.ts';
import type { Activations } from './forward.ts';
import { addScaled, dot, multiplyBackward } from './linear.ts';
import type { SequenceState } from './sequence-state.ts';
import type { ModelShape } from './shape.ts';
import type { Weights } from './weights.ts';

/** Gradients of one sequence's state plus scratch; reused from sequence to sequence. */
export interface BackwardScratch {
  readonly width: number;
  inputs: Float64Array;
  keys: Float64Array;
  values: Float64Array;
  readonly logits: Float64Array;
  readonly final: Float64Array;
  readonly hidden: Float64Array;
  readonly mixed: Float64Array;
  readonly query: Float64Array;
}

export function createBackwardScratch(shape: ModelShape): BackwardScratch {
  return {
    width: shape.width,
    inputs: new Float64Array(0),
    keys: new Float64Array(0),
    values: new Float64Array(0),
    logits: new Float64Array(shape.vocabularySize),
    final: new Float64Array(shape.width),
    hidden: new Float64Array(shape.hidden),
    mixed: new Float64Array(shape.width),
    query: new Float64Array(shape.width),
  };
}

/** Clears the per-sequence gradients for a sequence of `length` tokens. */
export function beginSequence(scratch: BackwardScratch, length: number): void {
  const size = length * scratch.width;
  if (scratch.inputs.length < size) {
    scratch.inputs = new Float64Array(size * 2);
    scratch.keys = new Float64Array(size * 2);
    scratch.values = new Float64Array(size * 2);
    return;
  }
  scratch.inputs.fill(0, 0, size);
  scratch.keys.fill(0, 0, size);
  scratch.values.fill(0, 0, size);
}

/**
 * Adds the gradient of `coefficient x log p(target)` at `position`, right after `predict` for that
 * position left its results in `act` and `from`. Gradients on inputs, keys and values wait in
 * `scratch` for {@link endSequence}.
 */
export function backwardPosition(
  weights: Weights,
  state: SequenceState,
  position: number,
  act: Activations,
  from: Distribution,
  target: number,
  coefficient: number,
  scratch: BackwardScratch,
  gradient: Float64Array,
): void {
  const { values, layout, shape } = weights;
  const { offsets } = layout;
  const { width, hidden, vocabularySize } = shape;
  const scaled = coefficient / from.temperature;
  const { logits, final } = scratch;
  for (let v = 0; v < vocabularySize; v++) logits[v] = (-scaled * from.weights[v]!) / from.sum;
  logits[target]! += scaled;
  for (let v = 0; v < vocabularySize; v++) gradient[offsets.logit_bias + v]! += logits[v]!;
  // `final` doubles as the gradient of the residual: the skip connection passes it on unchanged.
  final.fill(0);
  const { embedding } = offsets;
  multiplyBackward(
    values,
    embedding,
    vocabularySize,
    width,
    act.final,
    0,
    logits,
    0,
    gradient,
    final,
    0,
  );
  for (let i = 0; i < width; i++) gradient[offsets.output_bias + i]! += final[i]!;
  scratch.hidden.fill(0);
  multiplyBackward(
    values,
    offsets.output_weight,
    width,
    hidden,
    act.hidden,
    0,
    final,
    0,
    gradient,
    scratch.hidden,
    0,
  );
  for (let i = 0; i < hidden; i++) {
    if (act.hidden[i]! <= 0) scratch.hidden[i] = 0;
    gradient[offsets.hidden_bias + i]! += scratch.hidden[i]!;
  }
  multiplyBackward(
    values,
    offsets.hidden_weight,
    hidden,
    width,
    act.residual,
    0,
    scratch.hidden,
    0,
    gradient,
    final,
    0,
  );
  scratch.mixed.fill(0);
  multiplyBackward(
    values,
    offsets.attention_output,
    width,
    width,
    act.mixed,
    0,
    final,
    0,
    gradient,
    scratch.mixed,
    0,
  );
  addScaled(scratch.inputs, position * width, 1, final, 0, width);
  attendBackward(weights, state, position, act, scratch);
  const at = position * width;
  multiplyBackward(
    values,
    offsets.query,
    width,
    width,
    state.inputs,
    at,
    scratch.query,
    0,
    gradient,
    scratch.inputs,
    at,
  );
}

function attendBackward(
  weights: Weights,
  state: SequenceState,
  position: number,
  act: Activations,
  scratch: BackwardScratch,
): void {
  const { width } = state;
  const { slopes } = weights.shape;
  const size = width / slopes.length;
  const scale = 1 / Math.sqrt(size);
  scratch.query.fill(0);
  for (let head = 0; head < slopes.length; head++) {
    const from = head * size;
    const row = head * act.stride;
    // sum_j a_j (dmixed . v_j) equals dmixed . mixed, so one pass over the positions is enough.
    const mean = dot(scratch.mixed, from, act.mixed, from, size);
    for (let j = 0; j <= position; j++) {
      const a = act.attention[row + j]!;
      const at = j * width + from;
      const toScore = a * (dot(scratch.mixed, from, state.values, at, size) - mean) * scale;
      addScaled(scratch.values, at, a, scratch.mixed, from, size);
      addScaled(scratch.query, from, toScore, state.keys, at, size);
      addScaled(scratch.keys, at, toScore, act.query, from, size);
    }
  }
}

/** Carries what waits in `scratch` back to the key, value, embedding and shift weights. */
export function endSequence(
  weights: Weights,
  state: SequenceState,
  scratch: BackwardScratch,
  gradient: Float64Array,
): void {
  const { width, inputs, ids } = state;
  const { values, layout } = weights;
  const { offsets } = layout;
  for (let j = 0; j < state.length; j++) {
    const at = j * width;
    multiplyBackward(
      values,
      offsets.key,
      width,
      width,
      inputs,
      at,
      scratch.keys,
      at,
      gradient,
      scratch.inputs,
      at,
    );
    multiplyBackward(
      values,
      offsets.value,
      width,
      width,
      inputs,
      at,
      scratch.values,
      at,
      gradient,
      scratch.inputs,
      at,
    );
    addScaled(gradient, offsets.embedding + ids[j]! * width, 1, scratch.inputs, at, width);
    if (j === 0) continue;
    addScaled(gradient, offsets.shift + ids[j - 1]! * width, 1, scratch.inputs, at, width);
  }
}
