import { type Schema, Validator } from '@cfworker/json-schema';
import type { JsonObject, ToolDefinition } from '../messages.ts';

/** Says whether arguments satisfy their tool's JSON Schema; a schema that can't be read is satisfied by nothing. */
export class JsonSchemaCheck {
  readonly #validators = new Map<string, Validator | undefined>();

  isValid(tool: ToolDefinition, args: JsonObject): boolean {
    if (!this.#validators.has(tool.name)) {
      this.#validators.set(tool.name, compile(tool.parameters));
    }
    try {
      return this.#validators.get(tool.name)?.validate(args).valid ?? false;
    } catch {
      // A reference that leads nowhere, a pattern that is none, or a depth beyond the stack.
      return false;
    }
  }
}

function compile(schema: JsonObject): Validator | undefined {
  try {
    return new Validator(schema as unknown as Schema, '2020-12');
  } catch {
    return undefined;
  }
}
