import { invalidInput } from '../errors.ts';
import type { EnvironmentDefinition } from './environment.ts';

/** Refuses toolsets that name what is not there, or whose chances are none. */
export function checkToolsets(
  { tools = [], toolsets }: Pick<EnvironmentDefinition, 'tools' | 'toolsets'>,
  field: string,
): void {
  if (toolsets === undefined) return;
  const names = new Set(tools.map(({ definition }) => definition.name));
  const entries = Object.entries(toolsets);
  if (entries.length === 0) {
    throw invalidInput(field, 'is empty; leave it out to offer every tool.');
  }
  for (const [name, { tools: own, chance }] of entries) {
    if (!(chance >= 0 && chance <= 1)) {
      throw invalidInput(`${field}.${name}.chance`, `is ${chance}; 0 to 1 is allowed.`);
    }
    const unknown = Array.isArray(own) ? own.find((tool) => !names.has(tool)) : own;
    if (!Array.isArray(own) || own.length === 0 || unknown !== undefined) {
      throw invalidInput(
        `${field}.${name}.tools`,
        unknown === undefined
          ? 'must be a list of names of tools.'
          : `names ${JSON.stringify(unknown)}, which is no tool of this environment.`,
        { remedy: `It has: ${[...names].join(', ')}.` },
      );
    }
  }
}
