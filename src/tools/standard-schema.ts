import { invalidInput } from '../errors.ts';
import type { JsonObject } from '../messages.ts';

/** The outcome of a validation: the value, or what is wrong with it. */
export type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly StandardIssue[] };

export interface StandardIssue {
  readonly message: string;
  readonly path?: readonly unknown[] | undefined;
}

/** The part of Standard Schema v1 that is used here (any of zod, valibot, arktype, ... gives it). */
export interface StandardSchema<Output = unknown> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>;
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
  };
}

/** What a schema's validated value is typed as. */
export type StandardOutput<Schema extends StandardSchema> = NonNullable<
  Schema['~standard']['types']
>['output'];

/** The part of Standard JSON Schema v1 that is used here; zod 4.2 and later gives it. */
interface JsonSchemaConverter {
  input(options: { readonly target: string }): Record<string, unknown>;
}

/** True for anything that speaks Standard Schema, callable schemas (arktype) included. */
export function isStandardSchema(value: unknown): value is StandardSchema {
  const isHolder = (typeof value === 'object' && value !== null) || typeof value === 'function';
  return isHolder && '~standard' in value;
}

/**
 * The JSON Schema of what `schema` accepts, by the schema's own Standard JSON Schema, without its
 * `$schema`. Throws `invalid_input` when the schema can't say it; `field` names it in the message.
 */
export function standardSchemaToJsonSchema(
  schema: StandardSchema,
  options: { readonly field: string },
): JsonObject {
  const standard: object & { readonly vendor: string } = schema['~standard'];
  if (!('jsonSchema' in standard)) {
    throw invalidInput(
      options.field,
      `this ${standard.vendor} schema can't say its JSON Schema (no Standard JSON Schema).`,
      {
        reason: 'NO_JSON_SCHEMA',
        remedy:
          'Give `jsonSchema` beside it, or use a library that implements it (zod 4.2 or later).',
      },
    );
  }
  const converter = standard.jsonSchema as JsonSchemaConverter;
  try {
    const { $schema: _, ...json } = converter.input({ target: 'draft-2020-12' });
    return json as JsonObject;
  } catch (error) {
    throw invalidInput(options.field, 'a part of this schema has no JSON Schema.', {
      reason: 'NO_JSON_SCHEMA',
      remedy:
        'Use types that JSON has (no dates, transforms, ...), or give `jsonSchema` beside it.',
      cause: error,
    });
  }
}

/** Issues in one line: `path.to[0]: message; message`. The first five. */
export function describeIssues(issues: readonly StandardIssue[]): string {
  const lines = issues.slice(0, 5).map((issue) => {
    const path = pathText(issue.path ?? []);
    return path === '' ? issue.message : `${path}: ${issue.message}`;
  });
  const more = issues.length - lines.length;
  return more > 0 ? `${lines.join('; ')}; and ${more} more` : lines.join('; ');
}

function pathText(path: readonly unknown[]): string {
  let text = '';
  for (const step of path) {
    const key = typeof step === 'object' && step !== null && 'key' in step ? step.key : step;
    if (typeof key === 'number') text += `[${key}]`;
    else text += text === '' ? String(key) : `.${String(key)}`;
  }
  return text;
}
