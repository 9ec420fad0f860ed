export { createDirectServer, type DirectServerOptions } from './direct/direct-server.ts';
export type {
  Engine,
  EngineDescription,
  EngineFinish,
  EngineGeneration,
  EngineRequest,
} from './engine.ts';
export { createEmbeddedEngine } from './engines/embedded.ts';
export {
  createPolicyServiceEngine,
  type PolicyServiceEngine,
  type PolicyServiceEngineOptions,
} from './engines/policy-service.ts';
export {
  createScriptedEngine,
  type ScriptedCall,
  type ScriptedEngine,
  type ScriptedEngineOptions,
  type ScriptedReply,
} from './engines/scripted.ts';
export { createManagedServer, type ManagedServerOptions } from './managed/managed-server.ts';
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
export { type ModelFolderOptions, readModelRenderer } from './rendering/model-files.ts';
export {
  type ControlToken,
  chatTemplateOf,
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
