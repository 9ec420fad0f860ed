/** The losses a training step can be asked for by name. */
export type LossName = 'grpo' | 'reinforce' | 'sft';

export const lossNames: readonly LossName[] = ['grpo', 'reinforce', 'sft'];

/** What a loss sees of one trained token. */
export interface TokenTerms {
  /** Log probability under the current weights. */
  readonly logprob: number;
  /** Log probability when it was sampled. */
  readonly sampledLogprob: number;
  readonly advantage: number;
}

/** A token's loss and its derivative with respect to the current log probability. */
export interface TokenLoss {
  readonly loss: number;
  readonly derivative: number;
  readonly clipped: boolean;
}

export interface LossOptions {
  readonly name: LossName;
  /** The ratio's floor is `1 - clipLow`, its ceiling `1 + clipHigh`. */
  readonly clipLow: number;
  readonly clipHigh: number;
}

/** The loss of one token; a step averages it over all trained tokens. */
export function tokenLoss(options: LossOptions, terms: TokenTerms): TokenLoss {
  switch (options.name) {
    case 'grpo':
      return clippedRatio(options, terms);
    case 'reinforce':
      return {
        loss: -terms.advantage * terms.logprob,
        derivative: -terms.advantage,
        clipped: false,
      };
    case 'sft':
      // The advantage is the token's weight; 1 gives plain cross-entropy.
      return {
        loss: -terms.advantage * terms.logprob,
        derivative: -terms.advantage,
        clipped: false,
      };
  }
}

/**
 * The clipped surrogate of PPO, averaged over tokens as DAPO does, with its separate upper clip
 * (Schulman et al. 2017; Yu et al. 2025). Group-normalised advantages make it GRPO.
 */
function clippedRatio(options: LossOptions, terms: TokenTerms): TokenLoss {
  const ratio = Math.exp(terms.logprob - terms.sampledLogprob);
  const bounded = Math.min(Math.max(ratio, 1 - options.clipLow), 1 + options.clipHigh);
  const free = ratio * terms.advantage;
  const held = bounded * terms.advantage;
  if (held < free) return { loss: -held, derivative: 0, clipped: true };
  return { loss: -free, derivative: -free, clipped: false };
}
