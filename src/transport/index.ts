export { createGrpcTransport, type GrpcTransport } from './client/grpc-transport.ts';
export type {
  ClientTls,
  GrpcTransportOptions,
  TokenSource,
} from './client/grpc-transport-options.ts';
export { type RenewTokenOptions, renewTokenInterceptor } from './client/renew-token-interceptor.ts';
export {
  type Reconnection,
  type ResumeStreamOptions,
  resumeStream,
} from './client/resume-stream.ts';
export { type RetryInterceptorOptions, retryInterceptor } from './client/retry-interceptor.ts';
export {
  DEFAULT_RETRY_POLICY,
  type RetryPolicy,
  type RetryQuestion,
  retryDelayMs,
} from './client/retry-policy.ts';
export { createRpcClient } from './client/rpc-client.ts';
export {
  codeName,
  codeOfKind,
  type ErrorDetail,
  type ErrorDetailsOf,
  kindOfCode,
  toWireError,
  type WireError,
} from './error-codes.ts';
export { decodeRpcStatus, encodeRpcStatus, type RpcStatus } from './rpc-status.ts';
export {
  type Authorization,
  type Authorizer,
  type RequestContext,
  type RequestHead,
  requestContextKey,
} from './server/authorize.ts';
export type { FallbackHandler, FallbackRoute } from './server/fallback.ts';
export {
  type Listener,
  type ListenerAddress,
  type ListenerStats,
  startListener,
} from './server/listener.ts';
export {
  DEFAULT_LISTENER_LIMITS,
  DEFAULT_LISTENER_TIMEOUTS,
  type ListenerLimits,
  type ListenerOptions,
  type ListenerTimeouts,
  type ListenerTls,
} from './server/listener-options.ts';
export type { NodeRequest, NodeResponse } from './server/node-http.ts';
