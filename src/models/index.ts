export {
  createVllmChatServer,
  type VllmChatServer,
  type VllmChatServerOptions,
} from './captured/vllm-chat-server.ts';
export { createDirectServer, type DirectServerOptions } from './direct/direct-server.ts';
export {
  type Engine,
  type EngineCapabilities,
  type EngineDescription,
  type EngineFinish,
  type EngineGeneration,
  type EnginePrompt,
  type EnginePurpose,
  type EngineRequest,
  type EngineTier,
  generateMany,
  type TopLogprobs,
} from './engine.ts';
export { createCompletionsEngine, createVllmCompletionsEngine } from './engines/completions.ts';
export { createEmbeddedEngine } from './engines/embedded.ts';
export type { HttpEngineOptions } from './engines/http-engine.ts';
export { createLlamaCppEngine } from './engines/llama-cpp.ts';
export {
  createPolicyServiceEngine,
  type PolicyServiceEngine,
  type PolicyServiceEngineOptions,
} from './engines/policy-service.ts';
export { createEnginePool, type EnginePool } from './engines/pool.ts';
export type { EnginePoolOptions, PooledEngine } from './engines/pool-options.ts';
export {
  type EngineProbe,
  type ProbeFinding,
  type ProbeName,
  type ProbeOptions,
  probeEngine,
} from './engines/probe.ts';
export {
  createScriptedEngine,
  type ScriptedCall,
  type ScriptedEngine,
  type ScriptedEngineOptions,
  type ScriptedReply,
} from './engines/scripted.ts';
export { createSglangEngine } from './engines/sglang.ts';
export { createTrlEngine } from './engines/trl.ts';
export { createVllmEngine, type VllmEngineOptions } from './engines/vllm.ts';
export {
  DriftCanary,
  type DriftCanaryOptions,
  type DriftStats,
  type TurnDrift,
  type WatchedTurn,
} from './managed/drift-canary.ts';
export {
  createManagedServer,
  type ManagedServer,
  type ManagedServerOptions,
} from './managed/managed-server.ts';
export type { Allowance } from './managed/training-gate.ts';
export {
  type CallLineage,
  type Completion,
  type CompletionRequest,
  directRecord,
  type ModelCall,
  type ModelServer,
  type ModelSession,
  type SessionOptions,
  type SessionRecord,
} from './model-server.ts';
export type { KindVerdict, RenderingCertification } from './rendering/certification.ts';
export type {
  ChatRenderer,
  RenderedPiece,
  RenderState,
  SampledIds,
} from './rendering/chat-renderer.ts';
export {
  type ChatmlRendererOptions,
  createChatmlRenderer,
  type TextTokenizer,
} from './rendering/chatml-renderer.ts';
export { chatTemplateOf } from './rendering/config-template.ts';
export { type ModelFolderOptions, readModelRenderer } from './rendering/model-files.ts';
export {
  type ControlToken,
  createModelTokenizer,
  type ModelTokenizer,
  type ModelTokenizerOptions,
} from './rendering/model-tokenizer.ts';
export { type RenderableModel, rendererFor } from './rendering/renderer-for.ts';
export {
  createTemplateRenderer,
  type TemplateRenderer,
  type TemplateRendererOptions,
} from './rendering/template-renderer.ts';
