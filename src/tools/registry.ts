import { invalidInput, LachesisError } from '../errors.ts';
import type { ToolDefinition } from '../messages.ts';
import { ModelFailure } from './model-use.ts';
import type { AnyTool, ToolHandler } from './tool-handler.ts';
import { toolFailureText, unknownToolText } from './tool-texts.ts';

/** An environment's tools by name, and the handler that dispatches into them. */
export interface ToolRegistry {
  /** In the order given. */
  readonly definitions: readonly ToolDefinition[];
  /** Sorted. */
  readonly names: readonly string[];
  has(name: string): boolean;
  get(name: string): AnyTool | undefined;
  /** A tool's own limit; undefined when it has none. */
  timeoutMs(name: string): number | undefined;
  /**
   * Runs the tool that a call names. A tool's failure and an unknown name are answered as
   * `{"error": ...}`. Rejects only with the signal's reason, when a tool fails after that has fired, and with
   * an `infrastructure_error` or `environment_error` of a tool or a failure of the model that it asked: these
   * aren't the model's to see.
   */
  readonly handleFunctionCall: ToolHandler;
  /**
   * The same, but rejects with a tool's own error: for the agent loop, which words it in the same way and
   * keeps a row of it.
   */
  readonly callTool: ToolHandler;
}

/** A registry of `tools`; throws `invalid_input` when two have one name. */
export function createToolRegistry(tools: readonly AnyTool[]): ToolRegistry {
  const byName = new Map<string, AnyTool>();
  for (const tool of tools) {
    const { name } = tool.definition;
    if (byName.has(name)) {
      throw invalidInput('tools', `two tools are named "${name}".`, {
        reason: 'DUPLICATE_TOOL',
        remedy: 'Rename one.',
      });
    }
    byName.set(name, tool);
  }
  const names = Object.freeze([...byName.keys()].sort());

  const callTool: ToolHandler = async (call, context) => {
    const tool = byName.get(call.name);
    return tool === undefined
      ? unknownToolText(call.name, names)
      : tool.execute(call.arguments, context);
  };

  return Object.freeze({
    definitions: Object.freeze(tools.map((tool) => tool.definition)),
    names,
    has: (name: string) => byName.has(name),
    get: (name: string) => byName.get(name),
    timeoutMs: (name: string) => byName.get(name)?.timeoutMs,
    handleFunctionCall: async (call, context) => {
      try {
        return await callTool(call, context);
      } catch (error) {
        context.signal.throwIfAborted();
        if (endsRollout(error)) throw error;
        return toolFailureText(error);
      }
    },
    callTool,
  } satisfies ToolRegistry);
}

/** Whether a handler's error is nobody's answer to the model: it ends the rollout, typed. */
export function endsRollout(error: unknown): error is LachesisError {
  return (
    error instanceof ModelFailure ||
    (error instanceof LachesisError &&
      (error.kind === 'infrastructure_error' || error.kind === 'environment_error'))
  );
}
