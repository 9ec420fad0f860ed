import { invalidInput } from '../../errors.ts';
import type { JsonObject, SamplingParameters } from '../../messages.ts';
import type { CommandOption, OptionValues } from '../command.ts';
import { MODEL_OPTIONS } from '../model-options.ts';
import { integerOption, settingsOption, textOption } from '../read-options.ts';
import { SANDBOX_OPTIONS } from '../sandbox-options.ts';
import { STATE_OPTION } from '../state-folder.ts';

/** Options of every command that plays tasks in its own process. */
export const PLAY_OPTIONS: Readonly<Record<string, CommandOption>> = {
  tasks: { type: 'string', value: 'N', help: 'Play the first N tasks, or `all`. Default: all.' },
  split: { type: 'string', value: 'NAME', help: 'Only tasks of this split.' },
  attempts: { type: 'string', value: 'N', help: 'Attempts at each task. Default: 1.' },
  concurrency: { type: 'string', value: 'N', help: 'Rollouts in flight. Default: 64.' },
  ...MODEL_OPTIONS,
  temperature: { type: 'string', value: 'X', help: "Instead of the environment's own." },
  'max-tokens': {
    type: 'string',
    value: 'N',
    help: "Most tokens of one model call, instead of the environment's own.",
  },
  'max-turns': { type: 'string', value: 'N', help: "Instead of the environment's own." },
  seed: { type: 'string', value: 'N', help: "Makes the environment's randomness repeatable." },
  data: {
    type: 'string',
    value: 'PATH',
    help: 'The setting `data` of the environment: --set data=PATH.',
  },
  set: {
    type: 'string',
    multiple: true,
    value: 'NAME=VALUE',
    help: 'A setting of the environment; a value that reads as JSON is JSON.',
  },
  state: STATE_OPTION,
  ...SANDBOX_OPTIONS,
};

/** The options, resolved. */
export interface PlayPlan {
  /** The environment's. */
  readonly file: string;
  readonly settings: JsonObject;
  /** The folder that the environment's own state is kept in, if any. */
  readonly state: string | undefined;
  /** Undefined where nothing was said, as for the two after it. */
  readonly split: string | undefined;
  /** 0 for all. */
  readonly maxTasks: number | undefined;
  readonly attempts: number | undefined;
  readonly concurrency: number;
  readonly seed: number | undefined;
  readonly sampling: SamplingParameters;
  readonly maxTurns: number | undefined;
}

export function playPlan(positionals: readonly string[], values: OptionValues): PlayPlan {
  const [file, extra] = positionals;
  if (file === undefined) {
    throw invalidInput('FILE', 'is missing; give the file of an environment.');
  }
  if (extra !== undefined) {
    throw invalidInput('FILE', `is given twice, as ${file} and ${extra}; one at a time.`);
  }
  const temperature = temperatureOption(values);
  const maxTokens = integerOption(values, 'max-tokens', 1);
  return Object.freeze({
    file,
    settings: settingsOption(values),
    state: textOption(values, 'state'),
    split: textOption(values, 'split'),
    maxTasks: textOption(values, 'tasks') === 'all' ? 0 : integerOption(values, 'tasks', 1),
    attempts: integerOption(values, 'attempts', 1, 10_000),
    concurrency: integerOption(values, 'concurrency', 1) ?? 64,
    seed: integerOption(values, 'seed', 0),
    sampling: {
      ...(temperature === undefined ? {} : { temperature }),
      ...(maxTokens === undefined ? {} : { maxTokens }),
    },
    maxTurns: integerOption(values, 'max-turns', 1),
  });
}

/** An option that must be given, as a text. */
export function requiredOption(values: OptionValues, name: string, remedy: string): string {
  const value = textOption(values, name);
  if (value !== undefined && value !== '') return value;
  throw invalidInput(`--${name}`, 'is missing.', { remedy });
}

function temperatureOption(values: OptionValues): number | undefined {
  const text = textOption(values, 'temperature');
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value) && value >= 0) return value;
  throw invalidInput('--temperature', `is "${text}"; give a number of at least 0.`);
}
