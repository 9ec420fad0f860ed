import type { EngineGeneration } from '../engine.ts';
import { modelError } from '../model-errors.ts';
import { textAgrees } from './text-agreement.ts';

export interface GenerationRules {
  /** Valid ids are below it. */
  readonly vocabularySize: number;
  /** False: a generation without logprobs is taken, and can't be trained with a ratio. */
  readonly logprobsRequired: boolean;
  /** Ids of the prompt that was sent. Default: not compared. */
  readonly promptTokenIds?: Int32Array;
  /** The text of ids, and of those before the token that closed the turn. Default: not compared. */
  readonly decode?: (tokenIds: Int32Array) => { readonly all: string; readonly open: string };
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
  if (!rules.logprobsRequired) {
    // None is kept, so none has to be right.
  } else if (logprobs === undefined) {
    if (tokenIds.length > 0) {
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
  checkPrompt(generation.prompt, rules.promptTokenIds);
  const { text } = generation;
  if (
    text !== undefined &&
    rules.decode !== undefined &&
    !textAgrees(text, rules.decode(tokenIds))
  ) {
    throw modelError('The engine\u2019s text is not that of the ids it gave.', {
      reason: 'TEXT_DISAGREES',
      remedy: 'Engine and renderer must be of one tokenizer; start the engine with the same files.',
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

/** An engine that read another prompt sampled from another distribution. */
function checkPrompt(read: EngineGeneration['prompt'], sent: Int32Array | undefined): void {
  if (read === undefined || sent === undefined) return;
  const { tokens, tokenIds } = read;
  const other = tokenIds?.findIndex((id, at) => id !== sent[at]) ?? -1;
  const count = tokenIds?.length ?? tokens ?? sent.length;
  if (other < 0 && count === sent.length) return;
  throw modelError(
    other >= 0
      ? `The engine read another id than was sent at ${other} of the prompt.`
      : `The engine read ${count} of the prompt's ${sent.length} ids.`,
    {
      reason: 'PROMPT_NOT_VERBATIM',
      remedy: 'It must take ids as they are: no BOS added, nothing truncated or tokenised again.',
    },
  );
}
