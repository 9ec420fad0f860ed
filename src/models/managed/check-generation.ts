import type { LachesisError } from '../../errors.ts';
import type { EngineFinish, EngineGeneration } from '../engine.ts';
import { MAX_LOGPROB } from '../engines/read-reply.ts';
import { modelError } from '../model-errors.ts';
import type { AskedGeneration } from './asked-engine.ts';
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

const FINISHES: ReadonlySet<EngineFinish> = new Set<EngineFinish>(['stop', 'length', 'abort']);

/** Whether an engine's finish is one that it may give. */
export function isFinish(finish: unknown): finish is EngineFinish {
  return FINISHES.has(finish as EngineFinish);
}

/**
 * Refuses a generation whose columns don't agree with each other, or with what was asked. A number is
 * never padded, cut or guessed: a wrong one would train the wrong token.
 */
export function checkGeneration(generation: AskedGeneration, rules: GenerationRules): void {
  const { tokenIds, text, asked, amiss } = generation;
  if (amiss !== undefined) throw amiss;
  tokenIds.forEach((id, at) => {
    if (id >= 0 && id < rules.vocabularySize) return;
    throw modelError(
      `The engine sampled id ${id} at ${at}, outside the vocabulary of ${rules.vocabularySize}.`,
      { reason: 'TOKEN_OUT_OF_VOCABULARY', remedy: 'Engine and renderer must be of one model.' },
    );
  });
  // If none is kept, none has to be right.
  if (rules.logprobsRequired) checkLogprobs(generation);
  checkPrompt(generation.prompt, rules.promptTokenIds);
  checkEnd(generation);
  if (
    text !== undefined &&
    rules.decode !== undefined &&
    !textAgrees(text, rules.decode(tokenIds), asked?.stop)
  ) {
    throw modelError('The engine\u2019s text is not that of the ids it gave.', {
      reason: 'TEXT_DISAGREES',
      remedy: 'Engine and renderer must be of one tokenizer; start the engine with the same files.',
    });
  }
  checkVersions(generation);
}

function checkLogprobs({ tokenIds, logprobs }: EngineGeneration): void {
  if (logprobs === undefined) {
    if (tokenIds.length === 0) return;
    throw modelError(`The engine gave no logprobs for ${tokenIds.length} sampled ids.`, {
      reason: 'LOGPROBS_MISSING',
      remedy: 'Turn logprobs on in the engine, or set logprobs to "ignore" if nothing is trained.',
    });
  }
  if (logprobs.length !== tokenIds.length) {
    throw lie(
      'LOGPROBS_LENGTH',
      `gave ${logprobs.length} logprobs for ${tokenIds.length} sampled ids`,
    );
  }
  logprobs.forEach((logprob, at) => {
    if (!Number.isFinite(logprob)) {
      throw modelError(`The engine's logprob of sampled id ${at} is ${logprob}.`, {
        reason: 'LOGPROBS_NOT_FINITE',
      });
    }
    if (logprob > MAX_LOGPROB) {
      throw modelError(`The engine's logprob of sampled id ${at} is ${logprob}, above 0.`, {
        reason: 'LOGPROBS_POSITIVE',
        remedy: 'It must give natural logarithms of probabilities.',
      });
    }
  });
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

/** It ends where it was told to: at the first of the stop ids, or with the last token that it may sample. */
function checkEnd({ tokenIds, finish, asked = {} }: AskedGeneration): void {
  if (!isFinish(finish)) {
    throw lie('FINISH_UNKNOWN', `finished with ${JSON.stringify(finish)?.slice(0, 40)}`, {
      remedy: 'It must be stop, length or abort.',
    });
  }
  const { maxTokens = Infinity, stopTokenIds = [] } = asked;
  if (tokenIds.length > maxTokens) {
    throw lie('TOO_MANY_TOKENS', `sampled ${tokenIds.length} ids; ${maxTokens} were asked for`);
  }
  const at = tokenIds.findIndex((id) => stopTokenIds.includes(id));
  if (at < 0 || at === tokenIds.length - 1) return;
  throw lie('STOP_TOKEN_IGNORED', `sampled on after the stop id ${tokenIds[at]} at ${at}`, {
    remedy:
      'It must end at the model’s stop ids. A plain completions server is not told them: start it with the model’s own generation config, or give them in sampling.extra as it spells them.',
  });
}

function checkVersions({ tokenIds, versions }: EngineGeneration): void {
  let versioned = 0;
  for (const { length, version } of versions) {
    if (!Number.isSafeInteger(version) || version < 0) {
      throw lie('VERSION_INVALID', `reported weight version ${version}`, {
        remedy: 'A version is a whole number from 0; leave versions empty where there is none.',
      });
    }
    // NaN and fractions too.
    versioned += Number.isInteger(length) && length > 0 ? length : Number.NaN;
  }
  if (versions.length === 0 || versioned === tokenIds.length) return;
  const counts = versions.slice(0, 8).map(({ length }) => length);
  throw lie(
    'VERSIONS_LENGTH',
    `reported weight versions for ${counts.join(' + ')} of ${tokenIds.length} sampled ids`,
  );
}

function lie(reason: string, what: string, fields: { remedy?: string } = {}): LachesisError {
  return modelError(`The engine ${what}.`, { reason, ...fields });
}
