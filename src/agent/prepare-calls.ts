import type { ToolCall, ToolDefinition } from '../messages.ts';
import {
  type ArgumentProfile,
  normaliseArguments,
  type PreparedArguments,
} from './arguments/index.ts';

/** A call with one canonical id, and what is to be done about it. */
export type PreparedCall =
  | { readonly kind: 'unknown'; readonly call: ToolCall }
  | {
      readonly kind: 'refused';
      readonly call: ToolCall;
      readonly tool: ToolDefinition;
      readonly message: string;
    }
  | {
      readonly kind: 'ready';
      readonly call: ToolCall;
      readonly tool: ToolDefinition;
      readonly prepared: Extract<PreparedArguments, { kind: 'ready' }>;
    };

/** Decides about one call, before anything of the turn runs. */
export function prepareCall(
  call: ToolCall,
  tools: ReadonlyMap<string, ToolDefinition>,
  profile: ArgumentProfile,
): PreparedCall {
  const tool = tools.get(call.name);
  if (tool === undefined) return { kind: 'unknown', call };
  const prepared = normaliseArguments(call.argumentsText, tool, profile);
  if (prepared.kind === 'refused')
    return { kind: 'refused', call, tool, message: prepared.message };
  return { kind: 'ready', call: { ...call, argumentsJson: prepared.json }, tool, prepared };
}

/** A call of a cut-off completion; whatever it says, it isn't run. */
export function refuseCutOff(
  call: ToolCall,
  tools: ReadonlyMap<string, ToolDefinition>,
): PreparedCall {
  const tool = tools.get(call.name);
  if (tool === undefined) return { kind: 'unknown', call };
  const message = `The completion was cut off; '${call.name}' was not run.`;
  return { kind: 'refused', call, tool, message };
}
