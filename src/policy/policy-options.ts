import { invalidInput } from '../errors.ts';
import type { Checkpoint } from './checkpoint.ts';
import type { SchedulerOptions } from './generation-scheduler.ts';
import type { LossName } from './losses.ts';
import { lossNames } from './losses.ts';
import type { PolicyKeeper } from './policy-state.ts';

export interface EmbeddedPolicyOptions {
  readonly checkpoint: Checkpoint;
  /** Seeds the responses that ask for no seed of their own, in the order they arrive. Default 0. */
  readonly seed?: number;
  /** The version that the checkpoint counts as. Default 0. */
  readonly version?: number;
  /**
   * Keeps what training changes, and may have kept some before: then the policy goes on from that, and
   * not from the checkpoint. Default: none, and what is learnt ends with the policy.
   */
  readonly keeper?: PolicyKeeper;
  /** False measures training steps without applying them. Default true. */
  readonly updatesEnabled?: boolean;
  /** Default 4096. */
  readonly contextTokens?: number;
  /** How many versions a call may pin. Default 4. */
  readonly keepVersions?: number;
  /** Defaults: 64 active, 4096 queued, 8 tokens a slice, 4 ms of work per event loop turn. */
  readonly scheduler?: Partial<SchedulerOptions>;
}

export interface PolicyConfig {
  readonly seed: number;
  readonly version: number;
  readonly keeper: PolicyKeeper | undefined;
  readonly updatesEnabled: boolean;
  readonly contextTokens: number;
  readonly keepVersions: number;
  readonly scheduler: SchedulerOptions;
}

export function resolvePolicyOptions(options: EmbeddedPolicyOptions): PolicyConfig {
  const { seed = 0, version = 0, updatesEnabled = true } = options;
  const { contextTokens = 4096, keepVersions = 4, keeper } = options;
  const defaults = { maxActive: 64, maxQueued: 4096, sliceTokens: 8, tickBudgetMs: 4 };
  const scheduler = Object.freeze({ ...defaults, ...options.scheduler });
  positive('contextTokens', contextTokens, 2);
  positive('keepVersions', keepVersions, 1);
  positive('scheduler.maxActive', scheduler.maxActive, 1);
  positive('scheduler.maxQueued', scheduler.maxQueued, 1);
  positive('scheduler.sliceTokens', scheduler.sliceTokens, 1);
  if (!Number.isSafeInteger(seed)) throw invalidInput('seed', `${seed} is not a safe integer.`);
  positive('version', version, 0);
  return Object.freeze({
    ...{ seed, version, keeper, updatesEnabled },
    ...{ contextTokens, keepVersions, scheduler },
  });
}

/** How a training step is made. */
export interface TrainStepOptions {
  /** Asking again with the same id trains nothing and gives the same result, for the last 256 ids. */
  readonly stepId?: string | undefined;
  /** Default `grpo`. */
  readonly loss?: LossName;
  /** Adam's. Default 3e-3, which suits a model this small and would wreck a large one. */
  readonly learningRate?: number;
  /** Default 0.2. */
  readonly clipLow?: number;
  /** Default 0.28. */
  readonly clipHigh?: number;
  /** The temperature that the rows were sampled at. Default 1. */
  readonly temperature?: number;
  /** Scale the gradient down to this norm. Default: no limit. */
  readonly maxGradNorm?: number;
  /** Refuse the step unless the policy stands at this version: makes a retried step harmless. */
  readonly expectedVersion?: number;
  readonly signal?: AbortSignal;
}

export interface StepConfig {
  readonly loss: LossName;
  readonly learningRate: number;
  readonly clipLow: number;
  readonly clipHigh: number;
  readonly temperature: number;
  readonly maxGradNorm: number;
}

export function resolveStepOptions(options: TrainStepOptions): StepConfig {
  const { loss = 'grpo', learningRate = 3e-3, clipLow = 0.2, clipHigh = 0.28 } = options;
  const { temperature = 1, maxGradNorm = Infinity } = options;
  if (!lossNames.includes(loss)) {
    throw invalidInput('loss', `"${loss}" is unknown; use one of ${lossNames.join(', ')}.`);
  }
  const numbers = { learningRate, temperature, maxGradNorm };
  for (const [name, value] of Object.entries(numbers)) {
    if (!(value > 0)) throw invalidInput(name, `expected a number above 0, got ${value}.`);
  }
  if (!Number.isFinite(learningRate)) throw invalidInput('learningRate', 'is not finite.');
  if (!(clipLow >= 0 && clipLow <= 1))
    throw invalidInput('clipLow', `expected 0 to 1, got ${clipLow}.`);
  if (!(clipHigh >= 0)) throw invalidInput('clipHigh', `expected 0 or more, got ${clipHigh}.`);
  return Object.freeze({ loss, learningRate, clipLow, clipHigh, temperature, maxGradNorm });
}

function positive(field: string, value: number, lowest: number): void {
  if (Number.isSafeInteger(value) && value >= lowest) return;
  throw invalidInput(field, `expected a whole number of at least ${lowest}, got ${value}.`);
}
