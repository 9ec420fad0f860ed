import { randomUUID } from 'node:crypto';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { inspect } from 'node:util';
import { errorMessage, invalidInput, LachesisError } from '../errors.ts';
import { isJsonObject, type JsonValue } from '../messages.ts';
import type { EnvironmentDefinition, HostedEnvironment } from './environment.ts';
import { callOwnHook, type OwnHookOptions } from './own-hook.ts';

const UNFINISHED = /\.[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}\.tmp$/;

/** An environment's own state, such as its curriculum, at one moment. JSON throughout. */
export interface EnvironmentCheckpoint {
  readonly environment: string;
  /** Of the environment; state of another version is refused. */
  readonly version: string;
  readonly state: JsonValue;
}

/** What the environment's `checkpoint.save` says; undefined when it keeps no state. */
export async function saveCheckpoint(
  { definition }: Pick<HostedEnvironment, 'definition'>,
  options: OwnHookOptions = {},
): Promise<EnvironmentCheckpoint | undefined> {
  const { name, version = '', checkpoint } = definition;
  if (checkpoint === undefined) return undefined;
  const run = () => checkpoint.save();
  const state = await callOwnHook(
    { environment: name, name: 'checkpoint.save', reason: 'CHECKPOINT', run },
    options,
  );
  const text = stateText(name, state);
  // A copy: the environment may go on with the object that it gave.
  return Object.freeze({ environment: name, version, state: JSON.parse(text) as JsonValue });
}

/** Hands a checkpoint to the environment's `checkpoint.load`, when it is one of this environment's. */
export async function loadCheckpoint(
  definition: EnvironmentDefinition,
  checkpoint: EnvironmentCheckpoint,
  options: OwnHookOptions = {},
): Promise<void> {
  const { name, version = '', checkpoint: hooks } = definition;
  if (checkpoint.environment !== name || checkpoint.version !== version) {
    throw new LachesisError(
      'failed_precondition',
      `The checkpoint is of \`${checkpoint.environment}\` version "${checkpoint.version}", not of \`${name}\` version "${version}".`,
      { reason: 'CHECKPOINT_MISMATCH', remedy: 'Begin without it, or host the version it is of.' },
    );
  }
  if (hooks === undefined) {
    throw invalidInput('checkpoint', `environment \`${name}\` keeps no state.`, {
      reason: 'CHECKPOINT_UNWANTED',
    });
  }
  const run = () => hooks.load(checkpoint.state);
  await callOwnHook(
    { environment: name, name: 'checkpoint.load', reason: 'CHECKPOINT', run },
    options,
  );
}

/** What a killed process may leave beside the file of a checkpoint. */
export function isUnfinishedCheckpoint(fileName: string): boolean {
  return UNFINISHED.test(fileName);
}

/** Writes a checkpoint so that the file is the old one or the new one, whatever happens meanwhile. */
export async function writeCheckpoint(
  path: string,
  checkpoint: EnvironmentCheckpoint,
): Promise<void> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    const file = await open(temporary, 'wx');
    try {
      await file.writeFile(`${JSON.stringify(checkpoint)}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** The checkpoint in a file; undefined when there is no such file. */
export async function readCheckpoint(path: string): Promise<EnvironmentCheckpoint | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const { environment, version, state } = parsedObject(path, text);
  if (typeof environment !== 'string' || typeof version !== 'string' || state === undefined) {
    throw invalidInput(path, 'is no checkpoint: environment, version and state are needed.');
  }
  return { environment, version, state };
}

function parsedObject(path: string, text: string): { readonly [key: string]: JsonValue } {
  try {
    const value: unknown = JSON.parse(text);
    if (isJsonObject(value)) return value;
  } catch {
    // Said below.
  }
  throw invalidInput(path, 'is no checkpoint: a JSON object is needed.');
}

/** Refuses what JSON would change in silence, so that good state is not written over by less. */
function stateText(name: string, state: unknown): string {
  let problem = 'it is undefined';
  try {
    const text: unknown = JSON.stringify(state, (key, value: unknown) => {
      const isLost =
        (typeof value === 'number' && !Number.isFinite(value)) ||
        value instanceof Map ||
        value instanceof Set;
      if (isLost) throw new Error(`\`${key}\` is ${inspect(value, { depth: 0 })}`);
      return value;
    });
    if (typeof text === 'string') return text;
  } catch (error) {
    problem = errorMessage(error);
  }
  throw new LachesisError(
    'environment_error',
    `What checkpoint.save of environment \`${name}\` gave is no JSON: ${problem}.`,
    { reason: 'CHECKPOINT_SHAPE', remedy: 'Give plain objects, lists, texts and finite numbers.' },
  );
}
