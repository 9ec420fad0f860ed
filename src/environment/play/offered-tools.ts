import { seededRandom } from '../../random.ts';
import type { EnvironmentDefinition, ToolsetChance } from '../environment.ts';
import type { PlayOptions, RolloutIdentity } from './options.ts';

/**
 * The names of the tools that a rollout is offered: all of the environment's, or those that its group drew.
 * Rollouts of a group draw alike, also when they are played again, so that they can be compared.
 */
export function offeredTools(
  { environment, seed }: Pick<PlayOptions, 'environment' | 'seed'>,
  { groupId, rolloutId }: Pick<RolloutIdentity, 'groupId' | 'rolloutId'>,
): ReadonlySet<string> {
  const { tools = [], toolsets } = environment.definition as EnvironmentDefinition;
  const names = tools.map(({ definition }) => definition.name);
  if (toolsets === undefined) return new Set(names);
  const random = seededRandom('toolsets', seed ?? (groupId || rolloutId));
  const drawn = drawToolsets(toolsets, random);
  const inSome = new Set(Object.values(toolsets).flatMap((toolset) => toolset.tools));
  const chosen = new Set(drawn.flatMap((name) => toolsets[name]?.tools ?? []));
  return new Set(names.filter((name) => chosen.has(name) || !inSome.has(name)));
}

/** Each with its own chance; where none is drawn, the likeliest one. */
export function drawToolsets(
  toolsets: Readonly<Record<string, ToolsetChance>>,
  random: () => number,
): readonly string[] {
  const entries = Object.entries(toolsets);
  // One number for each, whatever comes of it.
  const drawn = entries.filter(([, { chance }]) => random() < chance).map(([name]) => name);
  if (drawn.length > 0) return drawn;
  const likeliest = entries.toSorted(([, a], [, b]) => b.chance - a.chance)[0];
  return likeliest === undefined ? [] : [likeliest[0]];
}
