import type { BackwardScratch } from './backward.ts';
import { backwardPosition, beginSequence, createBackwardScratch, endSequence } from './backward.ts';
import type { Distribution } from './distribution.ts';
import { createDistribution, logProbability, readDistribution } from './distribution.ts';
import type { Activations } from './forward.ts';
import { appendToken, createActivations, predict } from './forward.ts';
import type { LossOptions } from './losses.ts';
import { tokenLoss } from './losses.ts';
import type { SequenceState } from './sequence-state.ts';
import { createSequenceState } from './sequence-state.ts';
import type { TrainRow } from './train-row.ts';
import type { Weights } from './weights.ts';

/** What a step measured, before its update. */
export interface StepMeasures {
  /** Mean over trained tokens. */
  readonly loss: number;
  /** The largest `|p_now / p_sampled - 1|`; about 1e-6 when every token, mask and version is right. */
  readonly maxRatioDeviation: number;
  /** Mean of `ratio - 1 - log ratio`, an unbiased, never negative estimate (Schulman, "k3"). */
  readonly meanKl: number;
  /** Share of trained tokens whose ratio was clipped. */
  readonly clipFraction: number;
  readonly trainedTokens: number;
}

export interface GradientOptions extends LossOptions {
  /** The temperature that the tokens were sampled at. */
  readonly temperature: number;
}

interface Workspace {
  readonly act: Activations;
  readonly from: Distribution;
  readonly scratch: BackwardScratch;
  readonly state: SequenceState;
}

/** How many positions are worked on between two pauses. */
const positionsPerPause = 64;

/**
 * Adds the gradient of the mean token loss over `rows` to `gradient`. A generator so that the
 * caller can let others run at every pause; nothing is shared with them but the weights read.
 */
export function* accumulateGradient(
  weights: Weights,
  rows: readonly TrainRow[],
  trainedTokens: number,
  options: GradientOptions,
  gradient: Float64Array,
): Generator<void, StepMeasures, void> {
  const { shape } = weights;
  const space: Workspace = {
    act: createActivations(shape),
    from: createDistribution(shape.vocabularySize),
    scratch: createBackwardScratch(shape),
    state: createSequenceState(shape),
  };
  let loss = 0;
  let kl = 0;
  let clipped = 0;
  let maxRatioDeviation = 0;
  let sincePause = 0;
  for (const row of rows) {
    const last = row.trained.lastIndexOf(1);
    // A weight of zero (a group without contrast) still counts in the mean, and is still measured.
    if (last < 0) continue;
    const { state, act, from, scratch } = space;
    state.length = 0;
    beginSequence(scratch, last);
    let index = 0;
    for (let position = 0; position < last; position++) {
      appendToken(weights, state, row.tokenIds[position]!);
      if (row.trained[position + 1] !== 1) continue;
      const target = row.tokenIds[position + 1]!;
      predict(weights, state, position, act);
      readDistribution(act.logits, options.temperature, from);
      const logprob = logProbability(act.logits, from, target);
      const sampledLogprob = row.logprobs?.[index] ?? logprob;
      const advantage = typeof row.advantage === 'number' ? row.advantage : row.advantage[index]!;
      const term = tokenLoss(options, { logprob, sampledLogprob, advantage });
      const logRatio = logprob - sampledLogprob;
      const deviation = Math.expm1(logRatio);
      loss += term.loss;
      kl += deviation - logRatio;
      if (term.clipped) clipped += 1;
      maxRatioDeviation = Math.max(maxRatioDeviation, Math.abs(deviation));
      index += 1;
      if (term.derivative !== 0) {
        const coefficient = term.derivative / trainedTokens;
        backwardPosition(
          weights,
          state,
          position,
          act,
          from,
          target,
          coefficient,
          scratch,
          gradient,
        );
      }
      if (++sincePause >= positionsPerPause) {
        sincePause = 0;
        yield;
      }
    }
    endSequence(weights, state, scratch, gradient);
  }
  return {
    loss: loss / trainedTokens,
    maxRatioDeviation,
    meanKl: kl / trainedTokens,
    clipFraction: clipped / trainedTokens,
    trainedTokens,
  };
}
