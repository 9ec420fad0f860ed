import type { SamplingParameters } from '../../messages.ts';
import type { EngineDescription } from '../engine.ts';
import { contextOverflow } from '../model-errors.ts';

/** The caller's sampling with the model's own stops, and no more tokens than the context has left. */
export function fitSampling(
  sampling: SamplingParameters,
  promptTokens: number,
  model: { readonly description: EngineDescription; readonly stopTokenIds: readonly number[] },
): SamplingParameters {
  const { contextLength } = model.description;
  const stopTokenIds = [...new Set([...model.stopTokenIds, ...(sampling.stopTokenIds ?? [])])];
  if (contextLength === undefined) return { ...sampling, stopTokenIds };
  if (promptTokens + 1 > contextLength) throw contextOverflow(promptTokens, contextLength);
  const left = contextLength - promptTokens;
  return { ...sampling, stopTokenIds, maxTokens: Math.min(sampling.maxTokens ?? left, left) };
}
