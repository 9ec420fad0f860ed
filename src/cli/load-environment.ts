import { access } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  type EnvironmentDefinition,
  type HostedEnvironment,
  hostEnvironment,
} from '../environment/index.ts';
import { errorMessage, LachesisError } from '../errors.ts';
import type { JsonObject } from '../messages.ts';

/** Imports a file whose default export is an environment, and hosts it with these settings. */
export async function loadEnvironment(
  file: string,
  settings: JsonObject,
): Promise<HostedEnvironment> {
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
      `${file} could not be loaded: ${errorMessage(error)}`,
      {
        reason: 'ENVIRONMENT_FILE_THREW',
        cause: error,
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
  return hostEnvironment(definition, settings);
}

function isDefinition(value: unknown): value is EnvironmentDefinition {
  return typeof value === 'object' && value !== null && 'name' in value && 'reward' in value;
}
