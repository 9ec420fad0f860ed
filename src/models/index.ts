export { createDirectServer, type DirectServerOptions } from './direct/direct-server.ts';
export type {
  Engine,
  EngineDescription,
  EngineFinish,
  EngineGeneration,
  EngineRequest,
} from './engine.ts';
export type {
  Completion,
  CompletionRequest,
  ModelServer,
  ModelSession,
  SessionOptions,
  SessionRecord,
} from './model-server.ts';
