import { errorMessage, invalidInput, LachesisError } from '../errors.ts';
import { isJsonObject, type JsonObject } from '../messages.ts';
import type { IsolationRule, SandboxPool } from '../sandbox/index.ts';
import { createToolRegistry, describeIssues, standardSchemaToJsonSchema } from '../tools/index.ts';
import { checkSandbox } from './check-sandbox.ts';
import { type EnvironmentCheckpoint, loadCheckpoint } from './checkpoint.ts';
import { closer } from './closer.ts';
import type { EnvironmentDefinition, HostedEnvironment, TaskSource } from './environment.ts';
import { deepFreeze } from './freeze.ts';
import { arraySource } from './tasks/array-source.ts';

/**
 * Resolves an environment's settings and opens its tasks, so that it is ready to be played. Throws
 * an invalid_input that names the setting, or the file and line of a bad task; what could not be
 * hosted is not closed.
 */
export async function hostEnvironment(
  definition: EnvironmentDefinition,
  settingsInput: JsonObject = {},
  options: {
    readonly name?: string;
    /** The environment's own state from before, for its `checkpoint.load`. */
    readonly checkpoint?: EnvironmentCheckpoint | undefined;
    /** Where its rollouts' sandboxes come from; stays the caller's, who closes it. */
    readonly sandboxes?: SandboxPool | undefined;
    /** How far its commands must be kept from the host. Default: as the environment says, or `namespace`. */
    readonly isolation?: IsolationRule | undefined;
    /** Of a command in a rollout's shell that names no time. Default: as the tool says. */
    readonly commandTimeoutMs?: number | undefined;
    readonly signal?: AbortSignal;
  } = {},
): Promise<HostedEnvironment> {
  const { signal } = options;
  const name = options.name ?? definition.name;
  // A definition need not come from `defineEnvironment`.
  checkSandbox(definition.sandbox, `environment \`${definition.name}\`.sandbox`);
  const settings = deepFreeze(await resolveSettings(definition, settingsInput));
  signal?.throwIfAborted();
  if (options.checkpoint !== undefined)
    await loadCheckpoint(definition, options.checkpoint, { signal });
  const tasks = await resolveTasks(definition, settings, signal);
  return Object.freeze({
    definition,
    name,
    settings,
    settingsJson: plainSettings(settings, settingsInput),
    settingsJsonSchema:
      definition.settings === undefined
        ? undefined
        : standardSchemaToJsonSchema(definition.settings, {
            field: `environment \`${definition.name}\`.settings`,
          }),
    tasks,
    tools: createToolRegistry(definition.tools ?? []),
    sandboxes: definition.sandbox === undefined ? undefined : options.sandboxes,
    isolation: options.isolation,
    commandTimeoutMs: options.commandTimeoutMs,
    // No method: copies of this object with another definition share it.
    [Symbol.asyncDispose]: closer(definition, settings),
  });
}

async function resolveSettings(
  definition: EnvironmentDefinition,
  input: JsonObject,
): Promise<unknown> {
  const { name, settings: schema } = definition;
  if (schema === undefined) {
    const unknown = Object.keys(input)[0];
    if (unknown === undefined) return {};
    throw invalidInput(
      `settings.${unknown}`,
      `is not known: environment \`${name}\` has no settings.`,
    );
  }
  const result = await schema['~standard'].validate(input);
  if (result.issues === undefined) return result.value;
  const first = result.issues[0];
  const path = (first?.path ?? []).map((step) =>
    String(typeof step === 'object' && step !== null && 'key' in step ? step.key : step),
  );
  throw invalidInput(
    ['settings', ...path].join('.'),
    `does not fit environment \`${name}\`: ${describeIssues(result.issues)}`,
    { reason: 'SETTINGS_INVALID' },
  );
}

async function resolveTasks(
  definition: EnvironmentDefinition,
  settings: unknown,
  signal: AbortSignal | undefined,
): Promise<TaskSource> {
  const given = await givenTasks(definition, settings);
  if (Array.isArray(given)) return arraySource(given);
  const source = given as TaskSource;
  if (typeof source?.tasks !== 'function' || typeof source.get !== 'function') {
    throw invalidInput(
      `environment \`${definition.name}\`.tasks`,
      'gave neither an array of tasks nor a task source.',
    );
  }
  await source.prepare?.(signal === undefined ? {} : { signal });
  return source;
}

async function givenTasks(
  { name, tasks }: EnvironmentDefinition,
  settings: unknown,
): Promise<unknown> {
  if (typeof tasks !== 'function') return tasks;
  try {
    return await tasks(settings);
  } catch (error) {
    if (error instanceof LachesisError) throw error;
    const message = `The tasks of environment \`${name}\` threw: ${errorMessage(error)}`;
    throw new LachesisError('environment_error', message, { reason: 'TASKS_THREW', cause: error });
  }
}

function plainSettings(settings: unknown, input: JsonObject): JsonObject {
  const plain: unknown = JSON.parse(JSON.stringify(settings ?? null));
  // Settings that parse to something else than an object are told as they were given.
  return isJsonObject(plain) ? plain : input;
}
