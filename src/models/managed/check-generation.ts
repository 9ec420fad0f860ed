import type { EngineGeneration } from '../engine.ts';
import { modelError } from '../model-errors.ts';

export interface GenerationRules {
  /** Valid ids are below it. */
  readonly vocabularySize: number;
  /** False: a generation without logprobs is taken, and can't be trained with a ratio. */
  readonly logprobsRequired: boolean;
}

/**
 * Refuses a generation whose columns don't agree. A number is never padded, cut or guessed: a wrong
 * one would train the wrong token.
 */
export function checkGeneration(generation: EngineGeneration, rules: GenerationRules): void {
  const { tokenIds, logprobs, versions } = generation;
  tokenIds.forEach((id, at) => {
    if (id >= 0 && id < rules.vocabularySize) return;
    throw modelError(
      `The engine sampled id ${id} at ${at}, outside the vocabulary of ${rules.vocabularySize}.`,
      { reason: 'TOKEN_OUT_OF_VOCABULARY', remedy: 'Engine and renderer must be of one model.' },
    );
  });
  if (logprobs === undefined) {
    if (rules.logprobsRequired && tokenIds.length > 0) {
      throw modelError(`The engine gave no logprobs for ${tokenIds.length} sampled ids.`, {
        reason: 'LOGPROBS_MISSING',
        remedy:
          'Turn logprobs on in the engine, or set logprobs to "ignore" if nothing is trained.',
      });
    }
  } else {
    if (logprobs.length !== tokenIds.length) {
      throw modelError(
        `The engine gave ${logprobs.length} logprobs for ${tokenIds.length} sampled ids.`,
        { reason: 'LOGPROBS_LENGTH' },
      );
    }
    logprobs.forEach((logprob, at) => {
      if (Number.isFinite(logprob)) return;
      throw modelError(`The engine's logprob of sampled id ${at} is ${logprob}.`, {
        reason: 'LOGPROBS_NOT_FINITE',
      });
    });
  }
  const versioned = versions.reduce((sum, run) => sum + run.length, 0);
  if (versions.length > 0 && versioned !== tokenIds.length) {
    throw modelError(
      `The engine reported weight versions for ${versioned} of ${tokenIds.length} sampled ids.`,
      { reason: 'VERSIONS_LENGTH' },
    );
  }
}
