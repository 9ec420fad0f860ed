export type {
  AgentResult,
  StopReason,
  ToolCallMetrics,
  ToolError,
  ToolStatistics,
  Turn,
  Usage,
} from './result.ts';
