/** The Connect services over the rooms below, and the server that hosts them. */
export type { AgentRules } from './agent-rules.ts';
export { type AuthOptions, type Credential, isLoopback } from './credentials.ts';
export type { CallerTokens, ServedEnvironment } from './hosted.ts';
export { isLocalWorkerId } from './local-worker-id.ts';
export { packageVersion } from './package-version.ts';
export { allows, SCOPES, type Scope } from './scope.ts';
export type { ServedPolicy } from './served-policy.ts';
export { type LachesisServer, startServer } from './server.ts';
export {
  DEFAULT_SERVER_LIMITS,
  type HttpRoute,
  type ServerLimits,
  type ServerOptions,
} from './server-options.ts';
export type { StartTokens } from './start-tokens.ts';
