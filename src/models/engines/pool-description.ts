import { LachesisError } from '../../errors.ts';
import type { EngineDescription } from '../engine.ts';

/**
 * What holds for all engines of a pool. Where they contradict each other in what makes a token, they are
 * not of one model and none of them is served.
 */
export function joinDescriptions(
  all: readonly { readonly name: string; readonly description: EngineDescription }[],
): EngineDescription {
  const [first, ...rest] = all;
  if (first === undefined) throw new Error('a pool has engines');
  return rest.reduce<EngineDescription>((joined, { name, description }) => {
    for (const field of ['tokenizerSha256', 'templateSha256'] as const) {
      const [a, b] = [joined.rendering[field], description.rendering[field]];
      if (a !== '' && b !== '' && a !== b) throw notOneModel(first.name, name, field);
    }
    const { contextLength, policyVersion } = description;
    return {
      model: joined.model,
      vocabularySize: Math.min(joined.vocabularySize, description.vocabularySize),
      contextLength:
        joined.contextLength === undefined || contextLength === undefined
          ? (joined.contextLength ?? contextLength)
          : Math.min(joined.contextLength, contextLength),
      rendering: {
        tokenizerSha256: joined.rendering.tokenizerSha256 || description.rendering.tokenizerSha256,
        templateSha256: joined.rendering.templateSha256 || description.rendering.templateSha256,
      },
      logprobMode: joined.logprobMode === description.logprobMode ? joined.logprobMode : 'unknown',
      policyVersion: joined.policyVersion === policyVersion ? policyVersion : undefined,
    };
  }, first.description);
}

function notOneModel(a: string, b: string, field: string): LachesisError {
  return new LachesisError('failed_precondition', `${a} and ${b} differ in ${field}.`, {
    reason: 'ENGINES_DIFFER',
    remedy: 'A pool is of one model: give each engine the same tokenizer and template.',
    metadata: { field },
  });
}
