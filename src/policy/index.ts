/** The embedded trainable policy: a small attention language model that learns from reward. */
export { readBaseCheckpoint } from './base-checkpoint.ts';
export type {
  RenderOptions,
  TemplateMessage,
  TemplatePiece,
  TemplateTool,
  TemplateToolCall,
} from './chat-template.ts';
export {
  continueChatml,
  encodePieces,
  piecesText,
  renderChatml,
  templateFingerprint,
} from './chat-template.ts';
export type { Checkpoint } from './checkpoint.ts';
export { readCheckpoint, writeCheckpoint } from './checkpoint.ts';
export type { FinishReason } from './decoding.ts';
export { fingerprintHex } from './fingerprint.ts';
export type { GenerateRequest, Generation, GenerationSlice } from './generation.ts';
export type { PauseMode, SchedulerOptions } from './generation-scheduler.ts';
export type { LossName } from './losses.ts';
export { createEmbeddedPolicy, EmbeddedPolicy } from './policy.ts';
export type { PolicyDescription, PublishedWeights } from './policy-description.ts';
export { PolicyFile } from './policy-file.ts';
export type { EmbeddedPolicyOptions, TrainStepOptions } from './policy-options.ts';
export type { PolicyKeeper, PolicyState, TrainStepResult } from './policy-state.ts';
export type { Random } from './random.ts';
export { createRandom, randomInt } from './random.ts';
export type { LogprobMode, SampledToken } from './sampler.ts';
export type { ModelShape, TensorEntry, TensorName } from './shape.ts';
export type { SpecialToken } from './special-tokens.ts';
export { isSpecialId, specialId, specialTokens } from './special-tokens.ts';
export type { EncodeOptions } from './tokenizer.ts';
export { Tokenizer } from './tokenizer.ts';
export type { TrainRow } from './train-row.ts';
export type { StepMeasures } from './train-step.ts';
