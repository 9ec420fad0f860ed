import { access } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  type EnvironmentCheckpoint,
  type EnvironmentDefinition,
  type HostedEnvironment,
  hostEnvironment,
} from '../environment/index.ts';
import { errorMessage, invalidInput, LachesisError } from '../errors.ts';
import type { JsonObject } from '../messages.ts';
import { standardSchemaToJsonSchema } from '../tools/index.ts';

/** The state that an environment of this name is to begin with, if any. */
type CheckpointOf = (environment: string) => Promise<EnvironmentCheckpoint | undefined>;

/**
 * Imports files whose default export is an environment, and hosts each with those of the settings
 * that it knows. A setting that none of them knows is a mistake.
 */
export async function loadEnvironments(
  files: readonly string[],
  settings: JsonObject,
  checkpointOf: CheckpointOf = async () => undefined,
): Promise<readonly HostedEnvironment[]> {
  const definitions = await Promise.all(files.map(loadDefinition));
  for (const name of Object.keys(settings)) {
    if (definitions.some((definition) => knows(definition, name))) continue;
    const known = [...new Set(definitions.flatMap((each) => Object.keys(settingsOf(each))))];
    throw invalidInput(`--set ${name}`, 'is a setting of no environment here.', {
      remedy: known.length === 0 ? 'They have none.' : `Their settings: ${known.join(', ')}.`,
    });
  }
  return await Promise.all(
    definitions.map((definition) => host(definition, settings, checkpointOf)),
  );
}

async function host(
  definition: EnvironmentDefinition,
  settings: JsonObject,
  checkpointOf: CheckpointOf,
): Promise<HostedEnvironment> {
  const own = Object.entries(settings).filter(([name]) => knows(definition, name));
  const checkpoint = await checkpointOf(definition.name);
  const hosted = await hostEnvironment(definition, Object.fromEntries(own), { checkpoint }).catch(
    (error: unknown) => {
      if (!(error instanceof LachesisError) || error.reason !== 'SETTINGS_INVALID') throw error;
      const name = error.field?.split('.')[1] ?? '';
      throw new LachesisError(error.kind, `${error.message}.`, {
        reason: error.reason,
        remedy: name === 'data' ? 'Give it with --data PATH.' : `Give it with --set ${name}=VALUE.`,
        cause: error,
      });
    },
  );
  if (hosted.tasks.count !== 0) return hosted;
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
    throw new LachesisError(
      'environment_error',
      `${file} could not be loaded: ${errorMessage(error)}${placeIn(resolved, error)}.`,
      {
        reason: 'ENVIRONMENT_FILE_THREW',
        cause: error,
        ...(/outside a module/.test(errorMessage(error)) && {
          remedy: 'Run `npm pkg set type=module` in its folder, or name the file .mts.',
        }),
      },
    );
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
  return definition;
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
