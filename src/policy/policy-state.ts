import type { AdamState } from './optimiser.ts';
import type { StepMeasures } from './train-step.ts';
import type { Weights } from './weights.ts';

export interface TrainStepResult extends StepMeasures {
  /** The version after the step. */
  readonly version: number;
  /** Before any clipping. */
  readonly gradNorm: number;
  /** False when updates are off: everything was measured and nothing changed. */
  readonly applied: boolean;
}

/** Results of steps by their ids, oldest first, for a caller who asks again. */
export type RememberedSteps = ReadonlyMap<string, TrainStepResult>;

/** All that training changes in a policy. Immutable: a change makes another. */
export interface PolicyState {
  readonly version: number;
  readonly weights: Weights;
  readonly adam: AdamState;
  readonly steps: RememberedSteps;
}

/** Where a policy's state outlives the policy. */
export interface PolicyKeeper {
  /** What was kept before, if anything: the policy goes on from there. */
  readonly kept: PolicyState | undefined;
  /** Resolves when the state is safe. Nobody sees a change before; one that rejects was none. */
  keep(state: PolicyState): Promise<void>;
}

const REMEMBERED_STEPS = 256;

/** With one more, and without the oldest where there are too many. */
export function rememberStep(
  steps: RememberedSteps,
  stepId: string | undefined,
  result: TrainStepResult,
): RememberedSteps {
  if (stepId === undefined) return steps;
  return new Map([...steps, [stepId, result] as const].slice(-REMEMBERED_STEPS));
}
