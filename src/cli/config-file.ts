import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseDocument } from 'yaml';
import { errorMessage, invalidInput } from '../errors.ts';
import { isJsonObject } from '../messages.ts';
import type { Command, CommandOption } from './command.ts';

/** Found in the working directory; in this order in messages, and never two at once. */
export const CONFIG_FILES: readonly string[] = Object.freeze([
  'lachesis.config.ts',
  'lachesis.config.mjs',
  'lachesis.config.json',
  'lachesis.config.yaml',
  'lachesis.config.yml',
]);

/** An option as a configuration file gives it. */
export interface FileValue {
  readonly value: string | boolean | readonly string[];
  /** `serve.port`. */
  readonly key: string;
}

export interface ConfigFile {
  readonly path: string;
  /** By option, for one command: its own section beats what stands at the top. */
  readonly values: ReadonlyMap<string, FileValue>;
}

/**
 * Reads the configuration file for a command. Keys at the top hold for every command that has such an
 * option; an object under a command's name holds for that command. `policySeed` and `policy-seed` are
 * one. Throws an invalid_input that names an unknown key, a value of the wrong type, or a second file.
 */
export async function readConfigFile(
  given: string | undefined,
  folder: string,
  command: Command,
  commands: readonly Command[],
): Promise<ConfigFile | undefined> {
  const file = given === undefined ? findConfigFile(folder) : path.resolve(folder, given);
  if (file === undefined) return undefined;
  const content = await load(file);
  if (!isJsonObject(content)) {
    throw invalidInput(file, 'holds no options.', {
      remedy: /\.[mc]?[jt]s$/.test(file)
        ? 'Write: export default { concurrency: 8, serve: { port: 7070 } }.'
        : 'Write one object: {"concurrency": 8, "serve": {"port": 7070}}.',
    });
  }
  const values = new Map<string, FileValue>();
  const section = new Map<string, FileValue>();
  for (const [key, value] of Object.entries(content)) {
    const named = commands.find(({ name }) => name === key);
    if (named !== undefined && isJsonObject(value)) {
      for (const [inner, innerValue] of Object.entries(value)) {
        for (const read of readKeys(file, inner, innerValue, [named], `${key}.`)) {
          if (named === command) section.set(read.name, read);
        }
      }
      continue;
    }
    for (const read of readKeys(file, key, value, commands)) {
      if (Object.hasOwn(command.options, read.name)) values.set(read.name, read);
    }
  }
  return { path: file, values: new Map([...values, ...section]) };
}

function findConfigFile(folder: string): string | undefined {
  const [first, second] = CONFIG_FILES.filter((name) => existsSync(path.join(folder, name)));
  if (first === undefined) return undefined;
  if (second === undefined) return path.join(folder, first);
  throw invalidInput(second, `stands beside ${first}, and only one can hold.`, {
    remedy: 'Remove one of them, or name the one that holds with --config FILE.',
  });
}

async function load(file: string): Promise<unknown> {
  try {
    if (file.endsWith('.json')) return JSON.parse(await readFile(file, 'utf8'));
    if (/\.ya?ml$/.test(file)) return parseYaml(await readFile(file, 'utf8'));
    if (!existsSync(file)) throw new Error('there is no such file');
    return ((await import(pathToFileURL(file).href)) as { readonly default?: unknown }).default;
  } catch (error) {
    throw invalidInput('--config', `${file} can't be read: ${errorMessage(error)}.`, {
      cause: error,
    });
  }
}

/** What the library only warns of, such as an unknown tag, is a mistake here. */
function parseYaml(text: string): unknown {
  const document = parseDocument(text);
  const [problem] = [...document.errors, ...document.warnings];
  // Its first line says it all; the excerpt below it would break ours.
  if (problem !== undefined) throw new Error(problem.message.split('\n', 1)[0]?.replace(/:$/, ''));
  return document.toJS();
}

/** What belongs together may stand in one object: `isolation: { minimum: ... }` is `isolation-minimum`. */
const FAMILIES: ReadonlySet<string> = new Set(['sandbox', 'isolation']);

function readKeys(
  file: string,
  key: string,
  value: unknown,
  commands: readonly Command[],
  prefix = '',
): readonly (FileValue & { readonly name: string })[] {
  if (!FAMILIES.has(key) || !isJsonObject(value)) {
    return [readKey(file, `${prefix}${key}`, key, value, commands)];
  }
  return Object.entries(value).map(([inner, innerValue]) => {
    // `sandbox: { backend: ... }` is `sandbox` itself.
    const spelled = key === 'sandbox' && inner === 'backend' ? key : `${key}-${inner}`;
    return readKey(file, `${prefix}${key}.${inner}`, spelled, innerValue, commands);
  });
}

function readKey(
  file: string,
  key: string,
  spelled: string,
  value: unknown,
  commands: readonly Command[],
): FileValue & { readonly name: string } {
  const name = spelled.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  const options = commands.flatMap((command) =>
    Object.hasOwn(command.options, name) ? [command.options[name] as CommandOption] : [],
  );
  const [option] = options;
  if (option === undefined) {
    const known = [...new Set(commands.flatMap((command) => Object.keys(command.options)))];
    throw invalidInput(`${file}: ${key}`, 'is no option.', {
      remedy: `Options: ${known.toSorted().join(', ')}.`,
    });
  }
  return { name, key, value: readValue(`${file}: ${key}`, option, value) };
}

function readValue(where: string, option: CommandOption, value: unknown): FileValue['value'] {
  if (option.type === 'boolean') {
    if (typeof value === 'boolean') return value;
    throw invalidInput(where, `is ${JSON.stringify(value)}; give true or false.`);
  }
  const isText = (item: unknown): item is string | number =>
    typeof item === 'string' || typeof item === 'number';
  if (option.multiple !== true) {
    if (isText(value)) return String(value);
    throw invalidInput(where, `is ${JSON.stringify(value)}; give a text or a number.`);
  }
  // NAME=VALUE reads best as an object; the value is JSON, so that "5" stays a text.
  if (option.value === 'NAME=VALUE' && isJsonObject(value)) {
    return Object.entries(value).map(([name, item]) => `${name}=${JSON.stringify(item)}`);
  }
  const list = Array.isArray(value) ? value : [value];
  if (list.every(isText)) return list.map(String);
  throw invalidInput(where, `is ${JSON.stringify(value)}; give a list of texts.`);
}
