import { LachesisError } from '../../errors.ts';
import type { SamplingParameters } from '../../messages.ts';
import type { EngineDescription } from '../engine.ts';
import type { EngineProbe } from '../engines/probe.ts';
import { shapingOf } from './sampling-shape.ts';

/**
 * What a managed server may do although it spoils what is trained: play on an engine whose ids can't
 * be relied on, or on logprobs that are of another distribution than was sampled from, or may be, or
 * where the engine's own tokenizer makes other ids than the renderer's.
 */
export type Allowance = 'text_tier' | 'raw_logprobs' | 'unknown_logprobs' | 'other_tokenizer';

/** Refuses an engine whose tokenizer is not the renderer's: its ids mean something else. */
export function assertSameTokenizer(probe: EngineProbe, allow: readonly Allowance[]): void {
  if (allow.includes('other_tokenizer')) return;
  const found = probe.findings.find(({ probe: name, outcome }) => {
    return name === 'tokenizer' && outcome === 'no';
  });
  if (found === undefined) return;
  throw new LachesisError(
    'failed_precondition',
    `The engine and the renderer are not of one tokenizer: ${found.detail}.`,
    {
      reason: 'TOKENIZER_DIFFERS',
      remedy: 'Give the files of the model that is served; or allow "other_tokenizer".',
    },
  );
}

/** Refuses an engine whose tokens can't be trained on. */
export function assertTrainableTier(probe: EngineProbe, allow: readonly Allowance[]): void {
  if (probe.tier !== 'text' || allow.includes('text_tier')) return;
  const why = probe.findings.find(({ probe: name }) => name === 'ids_out')?.detail ?? '';
  throw new LachesisError(
    'failed_precondition',
    `The engine gives no tokens to train on: ${why}.`,
    {
      reason: 'ENGINE_NOT_TRAINABLE',
      remedy:
        'Use an engine that returns ids and logprobs; or set logprobs to "ignore" to evaluate, or allow "text_tier".',
      metadata: { tier: probe.tier },
    },
  );
}

/**
 * Refuses sampling whose logprobs would be of another distribution. Raw ones are the model's own at
 * temperature 1 without filters: at any other the ratio of a policy step is wrong from the start.
 */
export function assertTrainableSampling(
  sampling: SamplingParameters,
  logprobMode: EngineDescription['logprobMode'],
  { allow, probed }: { readonly allow: readonly Allowance[]; readonly probed: boolean },
): void {
  const asked = shapingOf(sampling);
  if (asked === undefined || logprobMode === 'processed') return;
  // An engine that nobody probed is taken at its word.
  if (logprobMode === 'unknown' && !probed) return;
  if (allow.includes(logprobMode === 'raw' ? 'raw_logprobs' : 'unknown_logprobs')) return;
  throw new LachesisError(
    'failed_precondition',
    logprobMode === 'raw'
      ? `The engine's logprobs are raw, so with ${asked.what} they are not those of what is sampled.`
      : `Nobody knows whether the engine's logprobs follow ${asked.what}.`,
    {
      reason: logprobMode === 'raw' ? 'RAW_LOGPROBS' : 'LOGPROB_MODE_UNKNOWN',
      remedy:
        logprobMode === 'raw'
          ? 'Sample at temperature 1 without topP, topK and what extra adds; or start vLLM with --logprobs-mode processed_logprobs; or allow "raw_logprobs".'
          : 'Sample at temperature 1 without topP, topK and what extra adds; or give the engine its logprobMode; or allow "unknown_logprobs".',
      field: asked.field,
      metadata: { logprobMode },
    },
  );
}
