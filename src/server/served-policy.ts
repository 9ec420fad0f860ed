import type { EmbeddedPolicy } from '../policy/index.ts';

/** The part of a policy that is served; the embedded one has it. */
export type ServedPolicy = Pick<
  EmbeddedPolicy,
  | 'name'
  | 'version'
  | 'tokenizer'
  | 'describe'
  | 'generate'
  | 'score'
  | 'trainStep'
  | 'getWeights'
  | 'updateWeights'
  | 'pause'
  | 'resume'
>;

/** Our name of the loss on the wire, and the policy's own. */
export const LOSS_NAMES = Object.freeze({
  grpo: 'grpo',
  reinforce: 'reinforce',
  cross_entropy: 'sft',
} as const);
