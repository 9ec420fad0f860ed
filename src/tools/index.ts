export type { AnyTool, StandardSchema } from './tool.ts';
export type { ToolContext, ToolHandler, ToolInvocation } from './tool-handler.ts';
