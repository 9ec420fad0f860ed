import { isLogprob } from '../../contract/index.ts';
import { floatText } from './float-text.ts';
import { laxFloat, list } from './lax-values.ts';
import { IGNORED } from './mask-spans.ts';
import type { Location } from './unprocessable.ts';

/**
 * The `inference_logprobs` of a sequence by position, as an environment says them. Whatever it says is
 * taken: some fill 1.0 where they have none, and NaN or null stand for what an engine did not tell.
 */
export type PushedLogprobs = readonly (number | null)[];

/** What of a sequence's logprobs can't be one. */
export type LogprobFlaw = 'above_zero' | 'not_finite' | 'null';

export function readLogprobs(value: unknown, loc: Location): PushedLogprobs {
  return list(value, loc).map((item, at) => {
    if (item === null || typeof item === 'number') return item;
    return laxFloat(item, [...loc, at]);
  });
}

/**
 * Why these can't be logprobs of a row, by the first trained position that says none; undefined when
 * they can. What is unknown of one token is not guessed: the row then has no logprobs at all.
 */
export function flawOf(logprobs: PushedLogprobs, mask: Int32Array): LogprobFlaw | undefined {
  for (let at = 0; at < logprobs.length; at++) {
    if (mask[at] === IGNORED) continue;
    const value = logprobs[at] as number | null;
    if (value === null) return 'null';
    if (isLogprob(value)) continue;
    return value > 0 ? 'above_zero' : 'not_finite';
  }
  return undefined;
}

/** Of those sequences whose logprobs have one. */
export function flawsOf(
  sequences: readonly PushedLogprobs[] | undefined,
  masks: readonly Int32Array[],
): readonly LogprobFlaw[] {
  const flaws = sequences?.map((logprobs, i) => flawOf(logprobs, masks[i] as Int32Array)) ?? [];
  return flaws.filter((flaw) => flaw !== undefined);
}

/** Whether the row's logprobs and one fill or a list of them stand for all of it, digit for digit. */
export function isRebuilt(logprobs: PushedLogprobs, mask: Int32Array): boolean {
  return logprobs.every((value, at) => {
    if (value === null) return false;
    if (mask[at] !== IGNORED) return isLogprob(value);
    return Number.isFinite(value) && !Object.is(value, -0);
  });
}

/** The trained positions' logprobs. */
export function trainedLogprobs(logprobs: PushedLogprobs, mask: Int32Array): Float64Array {
  const trained = new Float64Array(logprobs.length);
  let count = 0;
  for (let at = 0; at < logprobs.length; at++) {
    if (mask[at] !== IGNORED) trained[count++] = logprobs[at] as number;
  }
  return trained.slice(0, count);
}

/** A list as Python writes and reads it: `[1.0,NaN,null]`. */
export function logprobsText(logprobs: PushedLogprobs): string {
  const texts = logprobs.map((value) => (value === null ? 'null' : floatText(value)));
  return `[${texts.join(',')}]`;
}
