import { access } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  defineEnvironment,
  type EnvironmentDefinition,
  type HostedEnvironment,
  hostEnvironment,
} from '../environment/index.ts';
import { errorMessage, invalidInput, LachesisError } from '../errors.ts';
import type { JsonObject } from '../messages.ts';
import type { OpenSandboxes } from '../sandbox/index.ts';
import { standardSchemaToJsonSchema } from '../tools/index.ts';
import { type StateFolder, stateRefused } from './state-folder.ts';

export interface LoadOptions {
  readonly files: readonly string[];
  readonly settings: JsonObject;
  /** What each is to begin with, if any. */
  readonly state: Pick<StateFolder, 'read'> | undefined;
  /** Opens what those of them need that ask for a sandbox. Default: they are hosted without any. */
  readonly openSandboxes?: (
    definitions: readonly EnvironmentDefinition[],
  ) => Promise<Pick<OpenSandboxes, 'pool' | 'isolation' | 'commandTimeoutMs'> | undefined>;
  readonly warn: (message: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Imports files whose default export is an environment, and hosts each with those of the settings
 * that it knows. A setting that none of them knows is a mistake. When one can't be hosted, the others
 * are closed.
 */
export async function loadEnvironments(
  options: LoadOptions,
): Promise<readonly HostedEnvironment[]> {
  const { files, settings, warn } = options;
  const definitions = await Promise.all(files.map(loadDefinition));
  for (const name of Object.keys(settings)) {
    if (definitions.some((definition) => knows(definition, name))) continue;
    const known = [...new Set(definitions.flatMap((each) => Object.keys(settingsOf(each))))];
    throw invalidInput(`--set ${name}`, 'is a setting of no environment here.', {
      remedy: known.length === 0 ? 'They have none.' : `Their settings: ${known.join(', ')}.`,
    });
  }
  const sandboxes = await options.openSandboxes?.(definitions);
  const hosting = await Promise.allSettled(
    definitions.map((each) => host(each, options, sandboxes)),
  );
  const hosted = hosting.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  const failed = hosting.find((each) => each.status === 'rejected');
  if (failed === undefined) return hosted;
  await closeEnvironments(hosted, warn);
  throw failed.reason;
}

/** Closes them all, whatever becomes of each; false when one failed, which was told. */
export async function closeEnvironments(
  environments: readonly HostedEnvironment[],
  warn: (message: string) => void,
): Promise<boolean> {
  const closing = environments.map(async (environment) => {
    try {
      await environment[Symbol.asyncDispose]();
      return true;
    } catch (error) {
      warn(`${errorMessage(error)}\n`);
      return false;
    }
  });
  return (await Promise.all(closing)).every(Boolean);
}

async function host(
  definition: EnvironmentDefinition,
  { settings, state, warn, signal }: LoadOptions,
  sandboxes: Pick<OpenSandboxes, 'pool' | 'isolation' | 'commandTimeoutMs'> | undefined,
): Promise<HostedEnvironment> {
  const own = Object.entries(settings).filter(([name]) => knows(definition, name));
  const saved = await state?.read(definition.name);
  const hosted = await hostEnvironment(definition, Object.fromEntries(own), {
    checkpoint: saved?.checkpoint,
    sandboxes: sandboxes?.pool,
    isolation: sandboxes?.isolation,
    commandTimeoutMs: sandboxes?.commandTimeoutMs,
    signal,
  }).catch((error: unknown) => {
    if (!(error instanceof LachesisError)) throw error;
    if (saved !== undefined && error.reason.startsWith('CHECKPOINT_')) {
      throw stateRefused(saved.file, error);
    }
    if (error.reason !== 'SETTINGS_INVALID') throw error;
    const name = error.field?.split('.')[1] ?? '';
    throw new LachesisError(error.kind, `${error.message}.`, {
      reason: error.reason,
      remedy: name === 'data' ? 'Give it with --data PATH.' : `Give it with --set ${name}=VALUE.`,
      cause: error,
    });
  });
  if (hosted.tasks.count !== 0) return hosted;
  await closeEnvironments([hosted], warn);
  throw new LachesisError('failed_precondition', `environment \`${hosted.name}\` has no task.`, {
    reason: 'NO_TASKS',
    remedy: `Check ${'data' in settings ? `--data ${String(settings['data'])}` : 'its tasks'}.`,
  });
}

/** Settings by name; empty for an environment without any. */
function settingsOf(definition: EnvironmentDefinition): JsonObject {
  return (schemaOf(definition)?.['properties'] ?? {}) as JsonObject;
}

function knows(definition: EnvironmentDefinition, name: string): boolean {
  const schema = schemaOf(definition);
  if (schema === undefined) return false;
  const known = Object.keys(settingsOf(definition));
  // A schema that names none, or says that others are welcome, takes any.
  return known.length === 0 || known.includes(name) || Boolean(schema['additionalProperties']);
}

function schemaOf({ name, settings }: EnvironmentDefinition): JsonObject | undefined {
  if (settings === undefined) return undefined;
  return standardSchemaToJsonSchema(settings, { field: `environment \`${name}\`.settings` });
}

/** The default export of an environment's file, not hosted: without its settings and tasks. */
export async function loadDefinition(file: string): Promise<EnvironmentDefinition> {
  const resolved = path.resolve(file);
  await access(resolved).catch(() => {
    throw new LachesisError('not_found', `There is no file ${resolved}.`, {
      reason: 'ENVIRONMENT_FILE_MISSING',
      remedy: 'Give the path of a file whose default export is defineEnvironment({...}).',
    });
  });
  let module: { readonly default?: unknown };
  try {
    module = await import(pathToFileURL(resolved).href);
  } catch (error) {
    throw unloadable(file, error);
  }
  const definition = module.default;
  if (!isDefinition(definition)) {
    throw new LachesisError(
      'environment_error',
      `${file} has no environment as its default export.`,
      {
        reason: 'ENVIRONMENT_FILE_EXPORT',
        remedy: 'Write: export default defineEnvironment({ ... }).',
      },
    );
  }
  try {
    // For one that never went through it: its mistakes are told now, and not when it is played.
    defineEnvironment(definition);
  } catch (error) {
    throw unloadable(file, error);
  }
  return definition;
}

function unloadable(file: string, error: unknown): LachesisError {
  const problem = errorMessage(error).replace(/\.$/, '');
  const place = placeIn(path.resolve(file), error);
  // By its name: the file may import another copy of this package.
  const { name, kind } = (error ?? {}) as Partial<LachesisError>;
  const isMistake = name === 'LachesisError' && kind === 'invalid_input';
  return new LachesisError(
    isMistake ? 'invalid_input' : 'environment_error',
    `${file} could not be loaded: ${problem}${place}.`,
    {
      reason: isMistake ? 'ENVIRONMENT_FILE_INVALID' : 'ENVIRONMENT_FILE_THREW',
      cause: error,
      ...(/outside a module/.test(problem) && {
        remedy: 'Run `npm pkg set type=module` in its folder, or name the file .mts.',
      }),
    },
  );
}

/** Where in the file an error began, when its stack says so. */
function placeIn(file: string, error: unknown): string {
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  // As a URL, or as a path where another loader is at work.
  for (const name of [pathToFileURL(file).href, file]) {
    const line = /^:(\d+)/.exec(stack.split(name)[1] ?? '')?.[1];
    if (line !== undefined) return ` (line ${line})`;
  }
  return '';
}

function isDefinition(value: unknown): value is EnvironmentDefinition {
  return typeof value === 'object' && value !== null && 'name' in value && 'reward' in value;
}
