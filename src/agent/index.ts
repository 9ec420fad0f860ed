export type { ArgumentProfile } from './arguments/index.ts';
export type { AgentOptions, ModelRetryOptions } from './options.ts';
export type {
  AgentResult,
  StopReason,
  ToolCallMetrics,
  ToolError,
  ToolStatistics,
  Turn,
  Usage,
} from './result.ts';
export { runAgent } from './run-agent.ts';
export { unplayedResult } from './unplayed-result.ts';
