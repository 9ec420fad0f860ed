export type { ArgumentProfile } from './arguments/index.ts';
export type {
  AfterToolCall,
  AfterToolCalls,
  AgentHooks,
  BeforeToolCall,
  ToolCallAnswered,
  ToolCallContext,
  ToolCallDecision,
  ToolCallToRun,
  ToolResultContext,
  TurnResult,
} from './hooks.ts';
export { type AgentLimits, limitToolCalls, limitToolResults } from './limits.ts';
export type { AgentOptions } from './options.ts';
export type { PromptViewProfile } from './prompt-view/index.ts';
export { checkAgentSettings } from './resolve-settings.ts';
export type {
  AgentResult,
  PromptViewUse,
  StopReason,
  ToolCallMetrics,
  ToolError,
  ToolStatistics,
  Turn,
  Usage,
} from './result.ts';
export { type ResultBudgetOptions, resultBudget } from './result-budget.ts';
export { runAgent } from './run-agent.ts';
export type { AgentSettings, ModelRetryOptions } from './settings.ts';
export { unplayedResult } from './unplayed-result.ts';
