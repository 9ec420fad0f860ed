import { invalidInput } from '../errors.ts';
import type { Allowance, HttpEngineOptions } from '../models/index.ts';
import type { CommandIo, OptionValues } from './command.ts';
import { ENGINE_KEY } from './engine-address.ts';
import { integerOption, listOption, textOption } from './read-options.ts';

export const ALLOWANCES: readonly Allowance[] = [
  'text_tier',
  'raw_logprobs',
  'unknown_logprobs',
  'other_tokenizer',
];

/** What the options say of any inference server. */
export interface EngineSettings {
  /** One at least. */
  readonly urls: readonly string[];
  /** How each is spoken to. */
  readonly http: Pick<HttpEngineOptions, 'model' | 'apiKey' | 'logprobMode'> & {
    readonly maxConnections: number;
  };
  readonly allow: readonly Allowance[];
  readonly onLie: 'refuse' | 'mark' | undefined;
  /** Of the sampled turns, to be scored again. */
  readonly canaryShare: number;
}

export function engineSettings(values: OptionValues, io: CommandIo): EngineSettings {
  const urls = listOption(values, 'engine-url');
  if (urls.length === 0) throw invalidInput('--engine-url', 'is missing; --engine needs it.');
  const model = textOption(values, 'engine-model');
  const apiKey = io.environment[ENGINE_KEY];
  const logprobMode = oneOf(values, 'engine-logprobs', ['raw', 'processed']);
  return {
    urls,
    http: {
      maxConnections: integerOption(values, 'concurrency', 1) ?? 64,
      ...(model !== undefined && { model }),
      ...(apiKey !== undefined && { apiKey }),
      ...(logprobMode !== undefined && { logprobMode }),
    },
    allow: allowances(values),
    onLie: oneOf(values, 'engine-lies', ['refuse', 'mark']),
    canaryShare: shareOption(values),
  };
}

function allowances(values: OptionValues): readonly Allowance[] {
  return listOption(values, 'engine-allow').map((given) => {
    const known = ALLOWANCES.find((allowance) => allowance === given);
    if (known !== undefined) return known;
    throw invalidInput('--engine-allow', `"${given}" is unknown; give ${ALLOWANCES.join(', ')}.`);
  });
}

function shareOption(values: OptionValues): number {
  const text = textOption(values, 'engine-canary') ?? '0.01';
  const share = Number(text);
  if (text.trim() !== '' && share >= 0 && share <= 1) return share;
  throw invalidInput('--engine-canary', `is "${text}"; give a share of 0 to 1.`);
}

function oneOf<Word extends string>(
  values: OptionValues,
  name: string,
  words: readonly Word[],
): Word | undefined {
  const given = textOption(values, name);
  const known = words.find((word) => word === given);
  if (given === undefined || known !== undefined) return known;
  throw invalidInput(`--${name}`, `is "${given}"; give ${words.join(' or ')}.`);
}
