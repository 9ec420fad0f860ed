import { LachesisError } from '../../errors.ts';
import type { JsonObject } from '../../messages.ts';
import { tool } from '../tool.ts';
import type { AnyTool, ToolContext } from '../tool-handler.ts';
import { modelJson } from './model-json.ts';

/** Errors that say what the model itself can do better. */
const FOR_THE_MODEL: readonly LachesisError['kind'][] = [
  'invalid_input',
  'not_found',
  'already_exists',
  'failed_precondition',
  'resource_exhausted',
  'out_of_range',
];

/** A tool of ours: its result is an object, and what the model can mend is an answer to it. */
export function builtInTool(options: {
  readonly name: string;
  readonly description: string;
  readonly properties: JsonObject;
  readonly required: readonly string[];
  readonly timeoutMs?: number;
  readonly run: (args: JsonObject, context: ToolContext) => JsonObject | Promise<JsonObject>;
  /** Around an error's text. Default: `{ error }`. */
  readonly failed?: (error: string) => JsonObject;
}): AnyTool {
  const { run, failed = (error) => ({ error }), properties, required, ...rest } = options;
  return tool({
    ...rest,
    parameters: { type: 'object', properties, required: [...required] },
    execute: async (args, context) => {
      try {
        return modelJson(await run(args, context));
      } catch (error) {
        context.signal.throwIfAborted();
        if (!(error instanceof LachesisError) || !FOR_THE_MODEL.includes(error.kind)) throw error;
        if (error.reason === 'LEASE_RELEASED') throw error;
        return modelJson(failed(error.message));
      }
    },
  });
}
