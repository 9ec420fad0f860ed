import { LachesisError } from '../../errors.ts';
import type { EngineDescription } from '../engine.ts';
import type { EnginePoolOptions } from './pool-options.ts';

/**
 * What holds for all engines of a pool. Where they contradict each other in what makes a token, they are
 * not of one model and none of them is served.
 */
export function joinDescriptions(
  all: readonly { readonly name: string; readonly description: EngineDescription }[],
  { allowDifferentModels = false }: Pick<EnginePoolOptions, 'allowDifferentModels'> = {},
): EngineDescription {
  const [first, ...rest] = all;
  if (first === undefined) throw new Error('a pool has engines');
  return rest.reduce<EngineDescription>((joined, { name, description }) => {
    for (const field of ['tokenizerSha256', 'templateSha256'] as const) {
      const [a, b] = [joined.rendering[field], description.rendering[field]];
      if (a !== '' && b !== '' && a !== b) throw notOneModel(first.name, name, field);
    }
    if (!allowDifferentModels && isOther(joined, description)) {
      throw differentModels(first.name, name, [joined.model, description.model]);
    }
    const { contextLength, policyVersion } = description;
    return {
      ...joinedModel(joined, description),
      vocabularySize: Math.min(joined.vocabularySize, description.vocabularySize),
      contextLength:
        joined.contextLength === undefined || contextLength === undefined
          ? (joined.contextLength ?? contextLength)
          : Math.min(joined.contextLength, contextLength),
      rendering: {
        tokenizerSha256: joined.rendering.tokenizerSha256 || description.rendering.tokenizerSha256,
        templateSha256: joined.rendering.templateSha256 || description.rendering.templateSha256,
      },
      ...joinedLogprobMode(joined, description),
      policyVersion: joined.policyVersion === policyVersion ? policyVersion : undefined,
    };
  }, first.description);
}

const BETWEEN = ' + ';

function isOther(a: EngineDescription, b: EngineDescription): boolean {
  return a.isUnnamed !== true && b.isUnnamed !== true && a.model !== b.model;
}

/** All names that engines gave; what one is called that gave none is no name. */
function joinedModel(
  a: EngineDescription,
  b: EngineDescription,
): Pick<EngineDescription, 'model' | 'isUnnamed'> {
  if (b.isUnnamed === true) return { model: a.model, isUnnamed: a.isUnnamed ?? false };
  if (a.isUnnamed === true) return { model: b.model };
  return { model: [...new Set([...a.model.split(BETWEEN), b.model])].join(BETWEEN) };
}

function joinedLogprobMode(
  a: EngineDescription,
  b: EngineDescription,
): Pick<EngineDescription, 'logprobMode' | 'isPartlyRaw'> {
  const isPartlyRaw = [a, b].some((one) => one.logprobMode === 'raw' || one.isPartlyRaw === true);
  return a.logprobMode === b.logprobMode && (a.isPartlyRaw ?? false) === (b.isPartlyRaw ?? false)
    ? { logprobMode: a.logprobMode, ...(a.isPartlyRaw === true && { isPartlyRaw }) }
    : { logprobMode: 'unknown', ...(isPartlyRaw && { isPartlyRaw }) };
}

function differentModels(a: string, b: string, [one, other]: [string, string]): LachesisError {
  return new LachesisError(
    'failed_precondition',
    `${a} serves "${one}" and ${b} "${other}", and a pool is of one model.`,
    {
      reason: 'ENGINES_DIFFER',
      remedy:
        'Give each the same weights; where only the names differ, serve them under one (vllm --served-model-name), or set allowDifferentModels.',
      field: 'allowDifferentModels',
      metadata: { field: 'model' },
    },
  );
}

function notOneModel(a: string, b: string, field: string): LachesisError {
  return new LachesisError('failed_precondition', `${a} and ${b} differ in ${field}.`, {
    reason: 'ENGINES_DIFFER',
    remedy: 'A pool is of one model: give each engine the same tokenizer and template.',
    metadata: { field },
  });
}
