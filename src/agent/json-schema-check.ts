import { type Schema, Validator } from '@cfworker/json-schema';
import type { JsonObject, ToolDefinition } from '../messages.ts';

/** By schema, which nobody changes: every rollout of an environment has the very same. */
const validators = new WeakMap<JsonObject, Validator | 'unreadable'>();

/** Whether arguments satisfy their tool's JSON Schema; a schema that can't be read is satisfied by nothing. */
export function satisfiesSchema({ parameters }: ToolDefinition, args: JsonObject): boolean {
  let validator = validators.get(parameters);
  if (validator === undefined) {
    validator = compile(parameters) ?? 'unreadable';
    validators.set(parameters, validator);
  }
  try {
    return validator !== 'unreadable' && validator.validate(args).valid;
  } catch {
    // A reference that leads nowhere, a pattern that is none, or a depth beyond the stack.
    return false;
  }
}

function compile(schema: JsonObject): Validator | undefined {
  try {
    return new Validator(schema as unknown as Schema, '2020-12');
  } catch {
    return undefined;
  }
}
