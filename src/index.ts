/** What an environment's author and a host import. A trainer imports `lachesis/client`. */
export type {
  AgentResult,
  StopReason,
  ToolCallMetrics,
  ToolError,
  Turn,
  Usage,
} from './agent/index.ts';
export type {
  Assignment,
  Group,
  Outcome,
  Rollout,
  RolloutFailure,
  Task,
} from './contract/index.ts';
export {
  type AgentSettings,
  assignSplits,
  concatTasks,
  defineEnvironment,
  type EnvironmentDefinition,
  type EpisodeContext,
  filterTasks,
  finalNumber,
  generated,
  groupAdvantages,
  type HostedEnvironment,
  hostEnvironment,
  jsonl,
  mapTasks,
  mixture,
  parquet,
  passAtK,
  playGroup,
  playRollout,
  type RewardContext,
  type RewardValue,
  shuffleTasks,
  skipTasks,
  splitTasks,
  type TaskSource,
  takeTasks,
} from './environment/index.ts';
export { type ErrorKind, LachesisError } from './errors.ts';
export type {
  AssistantMessage,
  JsonObject,
  JsonValue,
  Message,
  SamplingParameters,
  ToolCall,
  ToolDefinition,
} from './messages.ts';
export {
  type ChatRenderer,
  createChatmlRenderer,
  createDirectServer,
  createEmbeddedEngine,
  createManagedServer,
  createPolicyServiceEngine,
  createScriptedEngine,
  type Engine,
  type ModelServer,
  type ModelSession,
  rendererFor,
} from './models/index.ts';
export { createParserRegistry, hermesParser, type ToolCallParser } from './parsers/index.ts';
export { createEmbeddedPolicy, readBaseCheckpoint } from './policy/index.ts';
export type { Ledger, Segment, Span, TrainingPolicy } from './tokens/index.ts';
export { createToolRegistry, type ToolContext, type ToolHandler, tool } from './tools/index.ts';
