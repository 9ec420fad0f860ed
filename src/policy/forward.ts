import { dot, multiply } from './linear.ts';
import type { SequenceState } from './sequence-state.ts';
import { reserve } from './sequence-state.ts';
import type { ModelShape } from './shape.ts';
import type { Weights } from './weights.ts';

/**
 * The intermediate results of predicting one position. Reused from position to position; the
 * backward pass reads them before the next prediction overwrites them.
 */
export interface Activations {
  readonly query: Float64Array;
  /** Attention weights, `heads` runs of `stride`. */
  attention: Float64Array;
  stride: number;
  readonly mixed: Float64Array;
  readonly residual: Float64Array;
  readonly hidden: Float64Array;
  readonly final: Float64Array;
  readonly logits: Float64Array;
}

/** Scratch space for one reader; give each concurrent pass its own. */
export function createActivations(shape: ModelShape): Activations {
  return {
    query: new Float64Array(shape.width),
    attention: new Float64Array(shape.slopes.length * 64),
    stride: 64,
    mixed: new Float64Array(shape.width),
    residual: new Float64Array(shape.width),
    hidden: new Float64Array(shape.hidden),
    final: new Float64Array(shape.width),
    logits: new Float64Array(shape.vocabularySize),
  };
}

/**
 * Appends a token. Its input is its own embedding plus the shift vector of the token before it,
 * which is what lets a single attention layer copy ("find where I last stood, take what followed").
 */
export function appendToken(weights: Weights, state: SequenceState, id: number): void {
  reserve(state, state.length + 1);
  const { width } = state;
  const { values, layout } = weights;
  const position = state.length;
  const at = position * width;
  const own = layout.offsets.embedding + id * width;
  if (position === 0) {
    for (let i = 0; i < width; i++) state.inputs[at + i] = values[own + i]!;
  } else {
    const shift = layout.offsets.shift + state.ids[position - 1]! * width;
    for (let i = 0; i < width; i++) state.inputs[at + i] = values[own + i]! + values[shift + i]!;
  }
  const { key, value } = layout.offsets;
  multiply(values, key, width, width, state.inputs, at, state.keys, at);
  multiply(values, value, width, width, state.inputs, at, state.values, at);
  state.ids[position] = id;
  state.length = position + 1;
}

/**
 * The logits of the token after `position`, left in `act.logits`. Sampling and training both call
 * this, so their log probabilities are equal bit for bit when the weights are.
 */
export function predict(
  weights: Weights,
  state: SequenceState,
  position: number,
  act: Activations,
): void {
  const { width } = state;
  const { values, layout, shape } = weights;
  const { offsets } = layout;
  const at = position * width;
  attend(weights, state, position, act);
  multiply(values, offsets.attention_output, width, width, act.mixed, 0, act.residual, 0);
  for (let i = 0; i < width; i++) act.residual[i]! += state.inputs[at + i]!;
  multiply(values, offsets.hidden_weight, shape.hidden, width, act.residual, 0, act.hidden, 0);
  for (let i = 0; i < shape.hidden; i++) {
    const sum = act.hidden[i]! + values[offsets.hidden_bias + i]!;
    act.hidden[i] = Math.max(sum, 0);
  }
  multiply(values, offsets.output_weight, width, shape.hidden, act.hidden, 0, act.final, 0);
  for (let i = 0; i < width; i++) {
    act.final[i]! += act.residual[i]! + values[offsets.output_bias + i]!;
  }
  const { vocabularySize } = shape;
  multiply(values, offsets.embedding, vocabularySize, width, act.final, 0, act.logits, 0);
  for (let i = 0; i < vocabularySize; i++) act.logits[i]! += values[offsets.logit_bias + i]!;
}

function attend(weights: Weights, state: SequenceState, position: number, act: Activations): void {
  const { width, keys, values } = state;
  const { slopes } = weights.shape;
  const size = width / slopes.length;
  const scale = 1 / Math.sqrt(size);
  const count = position + 1;
  if (count > act.stride) {
    act.stride = count * 2;
    act.attention = new Float64Array(slopes.length * act.stride);
  }
  const { query, attention, mixed, stride } = act;
  const queryOffset = weights.layout.offsets.query;
  multiply(weights.values, queryOffset, width, width, state.inputs, position * width, query, 0);
  mixed.fill(0);
  for (let head = 0; head < slopes.length; head++) {
    const from = head * size;
    const row = head * stride;
    const slope = slopes[head]!;
    let max = -Infinity;
    for (let j = 0; j < count; j++) {
      const score = scale * dot(query, from, keys, j * width + from, size) - slope * (position - j);
      attention[row + j] = score;
      if (score > max) max = score;
    }
    let sum = 0;
    for (let j = 0; j < count; j++) {
      const e = Math.exp(attention[row + j]! - max);
      attention[row + j] = e;
      sum += e;
    }
    for (let j = 0; j < count; j++) {
      const a = attention[row + j]! / sum;
      attention[row + j] = a;
      const base = j * width + from;
      for (let i = 0; i < size; i++) mixed[from + i]! += a * values[base + i]!;
    }
  }
}
