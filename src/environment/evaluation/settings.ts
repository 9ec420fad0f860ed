import { invalidInput } from '../../errors.ts';
import type { SamplingParameters } from '../../messages.ts';
import { checkKeys, checkSampling } from '../check-sampling.ts';

/** What an environment is evaluated with, unless whoever asks for the evaluation says otherwise. */
export interface EvaluationSettings {
  /** Only tasks of this split. Default: all. */
  readonly split?: string;
  /** Most tasks, from the start of the source. Default: all. */
  readonly maxTasks?: number;
  /** Of each task; at most 1,024. Default: 1. */
  readonly attempts?: number;
  /** On top of the environment's own `sampling`. */
  readonly sampling?: SamplingParameters;
  /** A reward of at least this counts as solved. Default: 1. */
  readonly solvedAt?: number;
}

/** What an evaluation is done with: every value known, those that it was asked for and all others. */
export interface EvaluationConditions {
  /** Empty for all. */
  readonly split: string;
  /** 0 for all. */
  readonly maxTasks: number;
  readonly attempts: number;
  readonly solvedAt: number;
  /** The environment's, those of its evaluations on top, and those that were asked for above all. */
  readonly sampling: SamplingParameters;
}

/** pass@k is worked out for every k up to them. */
export const MAX_EVALUATION_ATTEMPTS = 1_024;

const KNOWN: Readonly<Record<keyof EvaluationSettings, true>> = Object.freeze({
  split: true,
  maxTasks: true,
  attempts: true,
  sampling: true,
  solvedAt: true,
});

/** What was asked for, and for the rest what the environment says, and for the rest of that the defaults. */
export function evaluationConditions(
  definition: {
    readonly sampling?: SamplingParameters;
    readonly evaluation?: EvaluationSettings;
  },
  asked: { readonly [Key in keyof EvaluationSettings]?: EvaluationSettings[Key] | undefined },
): EvaluationConditions {
  const { evaluation = {} } = definition;
  return {
    split: asked.split ?? evaluation.split ?? '',
    maxTasks: asked.maxTasks ?? evaluation.maxTasks ?? 0,
    attempts: asked.attempts ?? evaluation.attempts ?? 1,
    solvedAt: asked.solvedAt ?? evaluation.solvedAt ?? 1,
    sampling: { ...definition.sampling, ...evaluation.sampling, ...asked.sampling },
  };
}

/** Throws an invalid_input that names the setting, when the environment is defined. */
export function checkEvaluation(evaluation: EvaluationSettings | undefined, field: string): void {
  if (evaluation === undefined) return;
  checkKeys(evaluation, Object.keys(KNOWN), field);
  const { split, maxTasks, attempts, solvedAt, sampling } = evaluation;
  if (split !== undefined && typeof split !== 'string') {
    throw invalidInput(`${field}.split`, 'must be the name of a split.');
  }
  if (maxTasks !== undefined && !(Number.isSafeInteger(maxTasks) && maxTasks >= 1)) {
    throw invalidInput(
      `${field}.maxTasks`,
      `is ${maxTasks}; a whole number of at least 1 is needed.`,
      { remedy: 'Leave it out for all tasks.' },
    );
  }
  const areAttempts = Number.isInteger(attempts) && Number(attempts) >= 1;
  if (attempts !== undefined && !(areAttempts && attempts <= MAX_EVALUATION_ATTEMPTS)) {
    throw invalidInput(
      `${field}.attempts`,
      `is ${attempts}; a whole number of 1 to ${MAX_EVALUATION_ATTEMPTS} is needed.`,
    );
  }
  if (solvedAt !== undefined && !Number.isFinite(solvedAt)) {
    throw invalidInput(`${field}.solvedAt`, `is ${solvedAt}; a finite number is needed.`);
  }
  checkSampling(sampling, `${field}.sampling`);
}
