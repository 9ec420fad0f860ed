import { isJsonObject, type JsonValue, type SamplingParameters } from '../../messages.ts';

/** What makes the sampled distribution another one than the model's at temperature 1. */
export interface Shaping {
  /** In words: `temperature 0.5`. */
  readonly what: string;
  readonly field: string;
}

/** Fields that engines know for shaping, with the value at which they do nothing. */
const NEUTRAL: Readonly<Record<string, number>> = Object.freeze({
  temperature: 1,
  top_p: 1,
  top_k: 0,
  min_p: 0,
  typical_p: 1,
  top_n_sigma: -1,
  repetition_penalty: 1,
  repeat_penalty: 1,
  presence_penalty: 0,
  frequency_penalty: 0,
  min_tokens: 0,
  min_new_tokens: 0,
  dynatemp_range: 0,
  dry_multiplier: 0,
  xtc_probability: 0,
  mirostat: 0,
});

/** Fields that say how a call is run or answered, and not what is sampled. */
const HARMLESS: ReadonlySet<string> = new Set([
  'cache_prompt',
  'cache_salt',
  'data_parallel_rank',
  'id_slot',
  'metadata',
  'priority',
  'request_id',
  'seed',
  'session_id',
  'include_stop_str_in_output',
  'stop',
  'stop_token_ids',
  'timings_per_token',
  'user',
]);

/**
 * The first thing in a call's sampling that shapes it. A field of `extra` that nobody here knows does too:
 * an engine may well read it, and raw logprobs would then be wrong without a sign of it.
 */
export function shapingOf(sampling: SamplingParameters): Shaping | undefined {
  const { temperature = 1, topP = 1, topK = 0, extra = {} } = sampling;
  if (temperature !== 1) {
    return { what: `temperature ${temperature}`, field: 'sampling.temperature' };
  }
  if (topP < 1) return { what: `topP ${topP}`, field: 'sampling.topP' };
  if (topK > 0) return { what: `topK ${topK}`, field: 'sampling.topK' };
  for (const [name, value] of Object.entries(extra)) {
    if (HARMLESS.has(name) || isNeutral(name, value)) continue;
    return { what: `extra.${name.slice(0, 64)}`, field: `sampling.extra.${name.slice(0, 64)}` };
  }
  return undefined;
}

function isNeutral(name: string, value: JsonValue): boolean {
  if (value === null) return true;
  if (name === 'logit_bias') {
    return isJsonObject(value) ? Object.keys(value).length === 0 : isEmptyList(value);
  }
  if (name === 'top_k' && value === -1) return true;
  return Object.hasOwn(NEUTRAL, name) && NEUTRAL[name] === value;
}

function isEmptyList(value: JsonValue): boolean {
  return Array.isArray(value) && value.length === 0;
}
