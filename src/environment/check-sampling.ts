import { invalidInput } from '../errors.ts';
import { isJsonObject, type SamplingParameters } from '../messages.ts';

const LEAST = { topK: 0, maxTokens: 1, seed: Number.MIN_SAFE_INTEGER } as const;
const KNOWN: Readonly<Record<keyof SamplingParameters, true>> = Object.freeze({
  temperature: true,
  topP: true,
  topK: true,
  maxTokens: true,
  stopTokenIds: true,
  stop: true,
  seed: true,
  extra: true,
});

/** Throws an invalid_input that names the field, for what no engine could take. */
export function checkSampling(sampling: SamplingParameters | undefined, field: string): void {
  if (sampling === undefined) return;
  checkKeys(sampling, Object.keys(KNOWN), field);
  const { temperature, topP } = sampling;
  if (temperature !== undefined && !(Number.isFinite(temperature) && temperature >= 0)) {
    throw invalidInput(`${field}.temperature`, `is ${temperature}; 0 or more is needed.`);
  }
  if (topP !== undefined && !(topP > 0 && topP <= 1)) {
    throw invalidInput(`${field}.topP`, `is ${topP}; more than 0 and at most 1 is needed.`);
  }
  const { stop, stopTokenIds, extra } = sampling;
  if (stop !== undefined && !(Array.isArray(stop) && stop.every((t) => typeof t === 'string'))) {
    throw invalidInput(`${field}.stop`, 'must be a list of texts.');
  }
  if (
    stopTokenIds !== undefined &&
    !(
      Array.isArray(stopTokenIds) && stopTokenIds.every((id) => Number.isSafeInteger(id) && id >= 0)
    )
  ) {
    throw invalidInput(`${field}.stopTokenIds`, 'must be a list of token ids.');
  }
  if (extra !== undefined && !isJsonObject(extra)) {
    throw invalidInput(`${field}.extra`, 'must be an object of request fields.');
  }
  for (const key of ['topK', 'maxTokens', 'seed'] as const) {
    const value = sampling[key];
    if (value !== undefined && !(Number.isSafeInteger(value) && value >= LEAST[key])) {
      const least = key === 'seed' ? '' : ` of at least ${LEAST[key]}`;
      throw invalidInput(`${field}.${key}`, `is ${value}; a whole number${least} is needed.`);
    }
  }
}

/** Throws an invalid_input unless `value` is an object of no other keys than these. */
export function checkKeys(value: object, known: readonly string[], field: string): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalidInput(field, 'must be an object, or be left out.');
  }
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  throw invalidInput(`${field}.${unknown}`, 'is not known.', {
    remedy: `It may have: ${known.join(', ')}.`,
  });
}
