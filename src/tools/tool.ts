import type { JsonObject, ToolDefinition } from '../messages.ts';
import type { ToolContext } from './tool-handler.ts';

/** The part of Standard Schema v1 that is used here (any of zod, valibot, arktype, ... gives it). */
export interface StandardSchema<Output = unknown> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) =>
      | { readonly value: Output; readonly issues?: undefined }
      | {
          readonly issues: readonly {
            readonly message: string;
            readonly path?: readonly unknown[] | undefined;
          }[];
        }
      | Promise<
          | { readonly value: Output; readonly issues?: undefined }
          | {
              readonly issues: readonly {
                readonly message: string;
                readonly path?: readonly unknown[] | undefined;
              }[];
            }
        >;
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
  };
}

/** A tool, whatever its arguments' and state's types. */
export interface AnyTool {
  readonly definition: ToolDefinition;
  /** Arguments are an object, not yet validated against the schema. */
  // biome-ignore lint/suspicious/noExplicitAny: tools of every state type live in one registry
  execute(args: JsonObject, context: ToolContext<any>): Promise<string>;
}
