import { invalidInput } from '../errors.ts';
import type { Command, CommandOption, OptionValues } from './command.ts';
import { readConfigFile } from './config-file.ts';

/** Where an option's value comes from, in words: `--port`, `LACHESIS_PORT`, a file's key, `default`. */
export interface ConfigEntry {
  readonly name: string;
  readonly value: string | boolean | readonly string[] | undefined;
  readonly origin: string;
}

export interface LayeredConfig {
  /** As a command reads them; defaults stay absent, since each command knows its own. */
  readonly values: OptionValues;
  /** Every option of the command, in the order of its help. */
  readonly entries: readonly ConfigEntry[];
}

/**
 * Options of a command from four layers: flags beat environment variables (`LACHESIS_<OPTION>`), which
 * beat the configuration file, which beats defaults. Options that collect NAME=VALUE pairs are added
 * up, the higher layer last, so that it wins pair by pair. Reads `environment`, and writes none.
 */
export async function layerOptions(
  input: {
    readonly command: Command;
    /** All of them: a file may hold options of any. */
    readonly commands: readonly Command[];
    readonly flags: OptionValues;
    readonly environment: Readonly<Record<string, string | undefined>>;
  },
  folder: string,
): Promise<LayeredConfig> {
  const { command, commands, flags, environment } = input;
  assertGiven({ name: 'config', value: flags['config'], origin: '--config' });
  const given = flags['config'] ?? (environment['LACHESIS_CONFIG'] || undefined);
  const file = await readConfigFile(given as string | undefined, folder, command, commands);
  const values: Record<string, OptionValues[string]> = {};
  const entries: ConfigEntry[] = [];
  for (const [name, option] of Object.entries(command.options)) {
    const layers: ConfigEntry[] = [];
    const fromFile = file?.values.get(name);
    if (file !== undefined && fromFile !== undefined) {
      layers.push({ name, value: fromFile.value, origin: `${file.path} (${fromFile.key})` });
    }
    const variable = variableOf(name);
    const text = environment[variable];
    // An empty variable is how shells and CI files say "not set".
    if (text !== undefined && text !== '') {
      layers.push({ name, value: variableValue(variable, option, text), origin: variable });
    }
    if (flags[name] !== undefined) layers.push({ name, value: flags[name], origin: `--${name}` });
    const highest = layers.at(-1);
    if (highest === undefined) {
      entries.push({ name, value: defaultOf(option), origin: 'default' });
    } else if (option.value === 'NAME=VALUE' && option.multiple === true) {
      values[name] = layers.flatMap(({ value }) => value as readonly string[]);
      entries.push(...layers);
    } else {
      if (PATHS.has(option.value)) assertGiven(highest);
      values[name] = highest.value;
      entries.push(highest);
    }
  }
  return { values, entries };
}

/** As the help names the value of an option that is one. */
const PATHS: ReadonlySet<string | undefined> = new Set(['FILE', 'FOLDER', 'PATH']);

/** A path of nothing would be the folder that one happens to be in. */
function assertGiven({ name, value, origin }: ConfigEntry): void {
  if (value !== '') return;
  throw invalidInput(origin, 'is empty.', {
    remedy: `Give --${name} a value, or leave it out.`,
  });
}

/** The message of an error about an option, by what gave its value: a variable or a file, where it was no flag. */
export function saidByOrigin(
  { field = '', message }: { readonly field?: string | undefined; readonly message: string },
  entries: readonly ConfigEntry[],
): string {
  const origins = new Set(
    entries.filter(({ name }) => field === `--${name}`).map(({ origin }) => origin),
  );
  const [origin] = origins;
  const isKnown = origins.size === 1 && origin !== undefined && origin !== 'default';
  if (!isKnown || !message.startsWith(field)) return message;
  return `${origin}${message.slice(field.length)}`;
}

/** The variable of an option: `policy-seed` is LACHESIS_POLICY_SEED. */
export function variableOf(option: string): string {
  return `LACHESIS_${option.replaceAll('-', '_').toUpperCase()}`;
}

/** One line per option: its value and where that came from. Passwords in URLs are not shown. */
export function configText(entries: readonly ConfigEntry[]): string {
  const rows = entries.map(({ name, value, origin }): [string, string, string] =>
    value === undefined
      ? [name, '-', 'not set']
      : [name, withoutPassword(Array.isArray(value) ? value.join(' ') : String(value)), origin],
  );
  const [left, middle] = [0, 1].map((i) => Math.max(0, ...rows.map((row) => row[i]?.length ?? 0)));
  return rows
    .map(
      ([name, value, origin]) =>
        `${name.padEnd(left ?? 0)}  ${value.padEnd(middle ?? 0)}  ${origin}\n`,
    )
    .join('');
}

function variableValue(
  variable: string,
  option: CommandOption,
  text: string,
): ConfigEntry['value'] {
  if (option.type === 'string') return option.multiple === true ? listOf(variable, text) : text;
  if (['1', 'true', 'yes'].includes(text.toLowerCase())) return true;
  if (['0', 'false', 'no'].includes(text.toLowerCase())) return false;
  throw invalidInput(variable, `is "${text}"; give true or false.`);
}

/** One value, or a JSON list of them. */
function listOf(variable: string, text: string): readonly string[] {
  if (!text.startsWith('[')) return [text];
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch {}
  if (Array.isArray(list) && list.every((item) => typeof item === 'string')) return list;
  throw invalidInput(variable, 'begins like a JSON list, and is no list of texts.', {
    remedy: 'Give one value, or several as ["a=1", "b=2"].',
  });
}

/** The default stands in the help and nowhere else, so that the two can't disagree. */
function defaultOf({ type, help }: CommandOption): string | boolean | undefined {
  if (type === 'boolean') return false;
  return /Default: (.+)\.$/.exec(help)?.[1];
}

function withoutPassword(text: string): string {
  return text.replace(/(:\/\/[^/\s:@]*):[^/\s@]*@/g, '$1:***@');
}
