import { invalidInput } from '../errors.ts';
import type { JsonObject, JsonValue, ToolDefinition } from '../messages.ts';
import {
  describeIssues,
  isStandardSchema,
  type StandardOutput,
  type StandardSchema,
  standardSchemaToJsonSchema,
} from './standard-schema.ts';
import type { AnyTool, ToolContext } from './tool-handler.ts';

/** What a tool may return; what is no string is given to the model as JSON. */
export type ToolOutput = string | JsonValue | Promise<string | JsonValue>;

interface ToolOptions {
  /** Letters, digits, `_` and `-`; at most 64. */
  readonly name: string;
  /** What the model is told of it. */
  readonly description: string;
  /** Most milliseconds of one call. Default: the environment's `toolTimeoutMs`. */
  readonly timeoutMs?: number;
}

/** A tool whose arguments are validated by a Standard Schema before it runs. */
export interface SchemaToolOptions<Schema extends StandardSchema, State, Settings = unknown>
  extends ToolOptions {
  readonly parameters: Schema;
  /** What the model is told of the arguments. Default: the schema's own Standard JSON Schema. */
  readonly jsonSchema?: JsonObject;
  readonly execute: (
    args: StandardOutput<Schema>,
    context: ToolContext<State, Settings>,
  ) => ToolOutput;
}

/** A tool whose arguments are described by JSON Schema; they reach it as the model gave them. */
export interface JsonSchemaToolOptions<State, Settings = unknown> extends ToolOptions {
  /** Of an object. */
  readonly parameters: JsonObject;
  readonly execute: (args: JsonObject, context: ToolContext<State, Settings>) => ToolOutput;
}

const NAME = /^[A-Za-z0-9_-]{1,64}$/;

/**
 * Defines a tool. Arguments that a Standard Schema refuses don't reach `execute`: the model is given
 * `{"error": ...}` that says what is wrong with them. Throws `invalid_input` on a definition that no
 * model could be told of.
 */
export function tool<Schema extends StandardSchema, State = unknown, Settings = unknown>(
  options: SchemaToolOptions<Schema, State, Settings>,
): AnyTool;
export function tool<State = unknown, Settings = unknown>(
  options: JsonSchemaToolOptions<State, Settings>,
): AnyTool;
export function tool(
  options: SchemaToolOptions<StandardSchema, unknown> | JsonSchemaToolOptions<unknown>,
): AnyTool {
  const { name, description, timeoutMs } = options;
  if (!NAME.test(name)) {
    throw invalidInput('tool.name', `"${name}" is no tool name.`, {
      remedy: 'Use 1 to 64 letters, digits, "_" and "-".',
    });
  }
  if (timeoutMs !== undefined && !(timeoutMs > 0)) {
    throw invalidInput(`tool(${name}).timeoutMs`, `must be above 0, was ${timeoutMs}.`);
  }
  const { parameters, validate } = resolveParameters(options);
  const definition: ToolDefinition = Object.freeze({ name, description, parameters });

  return Object.freeze({
    definition,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    async execute(args: JsonObject, context: ToolContext): Promise<string> {
      const result = await validate(args);
      if (result.issues !== undefined) {
        return JSON.stringify({
          error: `Invalid arguments for ${name}: ${describeIssues(result.issues)}`,
        });
      }
      // The overloads tie `execute` to what its own schema's `validate` gives.
      const output = await options.execute(result.value as JsonObject, context);
      return outputText(output);
    },
  });
}

function resolveParameters(
  options: SchemaToolOptions<StandardSchema, unknown> | JsonSchemaToolOptions<unknown>,
): {
  readonly parameters: JsonObject;
  readonly validate: StandardSchema['~standard']['validate'];
} {
  const field = `tool(${options.name}).parameters`;
  const { parameters } = options;
  let json: JsonObject;
  let validate: StandardSchema['~standard']['validate'] = (value) => ({ value });
  if (isStandardSchema(parameters)) {
    const given = 'jsonSchema' in options ? options.jsonSchema : undefined;
    json = given ?? standardSchemaToJsonSchema(parameters, { field });
    validate = (value) => parameters['~standard'].validate(value);
  } else {
    json = parameters as JsonObject;
  }
  if (json['type'] !== 'object') {
    throw invalidInput(
      field,
      `must describe an object, was of type ${JSON.stringify(json['type'])}.`,
      {
        remedy: 'Models give arguments by name: wrap the value in an object.',
      },
    );
  }
  return { parameters: json, validate };
}

/** The text that a model is given for a tool's output. */
export function outputText(output: unknown): string {
  if (typeof output === 'string') return output;
  return JSON.stringify(output) ?? 'null';
}
