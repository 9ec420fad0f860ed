import { seededRandom } from '../../random.ts';
import type { EnvironmentDefinition, ToolsetChance } from '../environment.ts';
import type { PlayOptions, RolloutIdentity } from './options.ts';

type Options = Pick<PlayOptions, 'environment' | 'seed'>;
type Identity = Pick<RolloutIdentity, 'groupId' | 'rolloutId'>;

/**
 * The names of the tools that a rollout is offered: all of the environment's, or those that its group drew.
 * Rollouts of a group draw alike, also when they are played again, so that they can be compared.
 */
export function offeredTools(options: Options, identity: Identity): ReadonlySet<string> {
  const { environment } = options;
  const { tools = [], toolsets } = environment.definition as EnvironmentDefinition;
  const names = tools.map(({ definition }) => definition.name);
  if (toolsets === undefined) return new Set(names);
  const drawn = drawnToolsets(options, identity);
  const inSome = new Set(Object.values(toolsets).flatMap((toolset) => toolset.tools));
  const chosen = new Set(drawn.flatMap((name) => toolsets[name]?.tools ?? []));
  return new Set(names.filter((name) => chosen.has(name) || !inSome.has(name)));
}

/** Which of the environment's toolsets a rollout had, as a metric of each: 1, or 0. Empty where it has none. */
export function toolsetMetrics(
  options: Options,
  identity: Identity,
): Readonly<Record<string, number>> {
  const { toolsets = {} } = options.environment.definition;
  const drawn = drawnToolsets(options, identity);
  return Object.fromEntries(
    Object.keys(toolsets).map((name) => [`toolset_${name}`, drawn.includes(name) ? 1 : 0]),
  );
}

function drawnToolsets(
  { environment, seed }: Options,
  { groupId, rolloutId }: Identity,
): readonly string[] {
  const { toolsets } = environment.definition;
  if (toolsets === undefined) return [];
  return drawToolsets(toolsets, seededRandom('toolsets', seed ?? (groupId || rolloutId)));
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
