import type { ToolDefinition } from '../../messages.ts';
import type { ArgumentProfile, NormalisedArguments } from './normalised-arguments.ts';
import { normaliseSafely } from './safe-arguments.ts';
import { normaliseAsSeed } from './seed-arguments.ts';

export type { ArgumentProfile, NormalisedArguments } from './normalised-arguments.ts';

/** Arguments that are ready, with the JSON they are sent on as. */
export type PreparedArguments =
  | (Extract<NormalisedArguments, { kind: 'ready' }> & { readonly json: string })
  | Extract<NormalisedArguments, { kind: 'refused' }>;

/** Makes an object of a call's argument text, or says why not. Never throws. */
export function normaliseArguments(
  text: string,
  tool: ToolDefinition,
  profile: ArgumentProfile,
): PreparedArguments {
  const result =
    profile === 'seed' ? normaliseAsSeed(text, tool.name) : normaliseSafely(text, tool);
  if (result.kind === 'refused') return result;
  try {
    return { ...result, json: JSON.stringify(result.arguments) };
  } catch {
    // JSON.parse takes any depth, JSON.stringify doesn't.
    return { kind: 'refused', message: refusedDepth(tool.name) };
  }
}

function refusedDepth(toolName: string): string {
  return `The arguments of '${toolName}' are nested too deeply; it was not run.`;
}
