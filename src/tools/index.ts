export * from './built-in/index.ts';
export {
  type AskOptions,
  type ModelAnswer,
  ModelFailure,
  type SubAgentResult,
} from './model-use.ts';
export { noModel } from './no-model.ts';
export { noSandbox } from './no-sandbox.ts';
export { createToolRegistry, endsRollout, type ToolRegistry } from './registry.ts';
export {
  type SandboxToolHandler,
  type SandboxToolHandlerOptions,
  sandboxToolHandler,
} from './sandbox-tool-handler.ts';
export { type SpillOptions, spillToSandbox } from './spill-file.ts';
export {
  describeIssues,
  isStandardSchema,
  type StandardIssue,
  type StandardOutput,
  type StandardResult,
  type StandardSchema,
  standardSchemaToJsonSchema,
} from './standard-schema.ts';
export {
  type JsonSchemaToolOptions,
  outputText,
  type SchemaToolOptions,
  type ToolOutput,
  tool,
} from './tool.ts';
export type {
  AnyTool,
  SubAgentOptions,
  ToolContext,
  ToolHandler,
  ToolInvocation,
  ToolModel,
} from './tool-handler.ts';
export { errorText, toolFailureMessage, unknownToolText } from './tool-texts.ts';
