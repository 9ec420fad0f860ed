import { checkAgentSettings } from '../agent/index.ts';
import { clipText, errorMessage, invalidInput, LachesisError } from '../errors.ts';
import { checkSampling } from './check-sampling.ts';
import { checkSandbox } from './check-sandbox.ts';
import { checkToolsets } from './check-toolsets.ts';
import type { EnvironmentDefinition } from './environment.ts';
import { checkEvaluation } from './evaluation/settings.ts';

/** What an environment may say; anything else is a slip, and types are stripped, not checked. */
const KNOWN: Readonly<Record<keyof EnvironmentDefinition, true>> = Object.freeze({
  name: true,
  version: true,
  verifierVersion: true,
  description: true,
  settings: true,
  tasks: true,
  tools: true,
  toolsets: true,
  sandbox: true,
  systemPrompt: true,
  prompt: true,
  setup: true,
  isDone: true,
  reward: true,
  teardown: true,
  groupReward: true,
  failedRollouts: true,
  backlog: true,
  checkpoint: true,
  close: true,
  solution: true,
  agent: true,
  maxTurns: true,
  sampling: true,
  evaluation: true,
  timeoutMs: true,
  toolTimeoutMs: true,
  rewardTimeoutMs: true,
});

/** What may be left out, and is a function otherwise. */
const FUNCTIONS = [
  'setup',
  'isDone',
  'teardown',
  'groupReward',
  'backlog',
  'close',
  'solution',
] as const;

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/**
 * Defines an environment. The types of a task's data, of a rollout's state and of the settings flow
 * from `tasks`, `setup` and `settings` into every function, so none has to be written down; put
 * those three before the functions that use them. Throws an invalid_input for a definition that
 * could not be played, so that a mistake shows when the file is loaded.
 */
export function defineEnvironment<Data, State = undefined, Settings = unknown>(
  definition: EnvironmentDefinition<Data, State, Settings>,
): EnvironmentDefinition<Data, State, Settings> {
  const { name } = definition;
  if (typeof name !== 'string' || !NAME.test(name)) {
    throw invalidInput(
      'environment.name',
      `is ${clipText(JSON.stringify(name) ?? 'undefined', 100)}; 1 to 64 letters, digits, \`.\`, \`_\` and \`-\` are allowed, beginning with a letter or digit.`,
    );
  }
  const field = `environment \`${name}\``;
  const unknown = Object.keys(definition).find((key) => !Object.hasOwn(KNOWN, key));
  if (unknown !== undefined) {
    throw invalidInput(`${field}.${unknown}`, 'is nothing that an environment has.', {
      remedy: `It may have: ${Object.keys(KNOWN).join(', ')}.`,
    });
  }
  for (const key of ['prompt', 'reward'] as const) {
    if (typeof definition[key] !== 'function') {
      throw invalidInput(`${field}.${key}`, 'must be a function.');
    }
  }
  for (const key of FUNCTIONS) {
    const value = definition[key];
    if (value !== undefined && typeof value !== 'function') {
      throw invalidInput(`${field}.${key}`, 'must be a function, or be left out.');
    }
  }
  for (const hook of ['save', 'load'] as const) {
    if (
      definition.checkpoint !== undefined &&
      typeof definition.checkpoint?.[hook] !== 'function'
    ) {
      throw invalidInput(`${field}.checkpoint.${hook}`, 'must be a function.');
    }
  }
  if (definition.tasks === undefined || definition.tasks === null) {
    throw invalidInput(
      `${field}.tasks`,
      'is missing; give an array of { data }, a task source such as jsonl(path), or a function of the settings.',
    );
  }
  if (Array.isArray(definition.tasks) && definition.tasks.length === 0) {
    throw invalidInput(`${field}.tasks`, 'is empty; there would be nothing to play.');
  }
  checkTools(definition, field);
  checkToolsets(definition, `${field}.toolsets`);
  checkSandbox(definition.sandbox, `${field}.sandbox`);
  checkLimits(definition, field);
  checkAgent(definition, field);
  checkSampling(definition.sampling, `${field}.sampling`);
  checkEvaluation(definition.evaluation, `${field}.evaluation`);
  return Object.freeze({ ...definition });
}

function checkTools({ tools = [] }: EnvironmentDefinition, field: string): void {
  const names = new Set<string>();
  tools.forEach((tool, i) => {
    const name = tool?.definition?.name;
    if (typeof name !== 'string' || typeof tool.execute !== 'function') {
      throw invalidInput(`${field}.tools[${i}]`, 'is no tool; make it with tool({ ... }).');
    }
    if (names.has(name)) {
      throw invalidInput(`${field}.tools[${i}]`, `is named \`${name}\`, as another tool is.`);
    }
    names.add(name);
  });
}

function checkAgent({ agent }: EnvironmentDefinition, field: string): void {
  if (agent === undefined) return;
  try {
    checkAgentSettings(agent);
  } catch (error) {
    const inner = error instanceof LachesisError ? error.field : undefined;
    const path = inner === undefined ? `${field}.agent` : `${field}.agent.${inner}`;
    const message = errorMessage(error).replace(`${inner}: `, '');
    throw invalidInput(path, message, { cause: error });
  }
}

function checkLimits(definition: EnvironmentDefinition, field: string): void {
  if (
    definition.maxTurns !== undefined &&
    !(Number.isInteger(definition.maxTurns) && definition.maxTurns >= 1)
  ) {
    throw invalidInput(
      `${field}.maxTurns`,
      `is ${definition.maxTurns}; a whole number of at least 1 is needed.`,
    );
  }
  const { failedRollouts = {} } = definition;
  for (const [key, value] of Object.entries(failedRollouts)) {
    if (key === 'endedSandboxReward') {
      if (value === undefined || Number.isFinite(value)) continue;
      throw invalidInput(`${field}.failedRollouts.${key}`, `is ${value}; a number is needed.`);
    }
    if (key !== 'retry' && key !== 'quorum') {
      throw invalidInput(
        `${field}.failedRollouts.${key}`,
        'is none of `retry`, `quorum` and `endedSandboxReward`.',
      );
    }
    if (value !== undefined && !(Number.isInteger(value) && value >= 0)) {
      throw invalidInput(
        `${field}.failedRollouts.${key}`,
        `is ${value}; a whole number of at least 0 is needed.`,
      );
    }
  }
  for (const key of ['timeoutMs', 'toolTimeoutMs', 'rewardTimeoutMs'] as const) {
    const value = definition[key];
    if (value !== undefined && !(value > 0)) {
      throw invalidInput(`${field}.${key}`, `is ${value}; more than 0 is needed.`);
    }
  }
}
