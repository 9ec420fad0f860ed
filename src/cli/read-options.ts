import { invalidInput } from '../errors.ts';
import type { JsonObject, JsonValue } from '../messages.ts';
import type { CommandOption, OptionValues } from './command.ts';

export function textOption(values: OptionValues, name: string): string | undefined {
  const value = values[name];
  return typeof value === 'string' ? value : undefined;
}

export function listOption(values: OptionValues, name: string): readonly string[] {
  const value = values[name];
  return Array.isArray(value) ? value : [];
}

/** A whole number of at least `least`, and at most `most`. */
export function integerOption(
  values: OptionValues,
  name: string,
  least: number,
  most: number = Number.MAX_SAFE_INTEGER,
): number | undefined {
  const text = textOption(values, name);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() === '' || !Number.isSafeInteger(value) || value < least || value > most) {
    const range = most === Number.MAX_SAFE_INTEGER ? `at least ${least}` : `${least} to ${most}`;
    throw invalidInput(`--${name}`, `is "${text}"; give a whole number of ${range}.`);
  }
  return value;
}

/** Of every command that hosts environments. */
export const SETTING_OPTIONS: Readonly<Record<string, CommandOption>> = {
  data: {
    type: 'string',
    value: 'PATH',
    help: 'The setting `data` of the environments: --set data=PATH.',
  },
  set: {
    type: 'string',
    multiple: true,
    value: 'NAME=VALUE',
    help: 'A setting of the environments; a value that reads as JSON is JSON.',
  },
};

/** `--set name=value`, as often as wanted. A value that reads as JSON is JSON, anything else is text. */
export function settingsOption(values: OptionValues): JsonObject {
  const settings: Record<string, JsonValue> = {};
  for (const entry of listOption(values, 'set')) {
    const at = entry.indexOf('=');
    if (at < 1) throw invalidInput('--set', `is "${entry}"; give NAME=VALUE.`);
    settings[entry.slice(0, at)] = jsonOrText(entry.slice(at + 1));
  }
  const data = textOption(values, 'data');
  if (data !== undefined) settings['data'] = data;
  return settings;
}

function jsonOrText(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return text;
  }
}
