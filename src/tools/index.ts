export { createToolRegistry, endsRollout, type ToolRegistry } from './registry.ts';
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
  type AnyTool,
  type JsonSchemaToolOptions,
  outputText,
  type SchemaToolOptions,
  type ToolOutput,
  tool,
} from './tool.ts';
export type { ToolContext, ToolHandler, ToolInvocation } from './tool-handler.ts';
export { errorText, toolFailureMessage, unknownToolText } from './tool-texts.ts';
