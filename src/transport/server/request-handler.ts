import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import { Code, createContextValues } from '@connectrpc/connect';
import { type ErrorKind, LachesisError } from '../../errors.ts';
import type { Counter } from '../../telemetry/index.ts';
import { codeOfKind, toWireError } from '../error-codes.ts';
import { askAuthorizer, type RequestHead, requestContextKey } from './authorize.ts';
import { answerAllowedOrigin } from './cors.ts';
import { findFallback } from './fallback.ts';
import { type GuardPolicy, judgeHead } from './guard.ts';
import type { ListenerConfig } from './listener-options.ts';
import { isGone, type NodeRequest, type NodeResponse, pathOf } from './node-http.ts';
import { reject } from './reject.ts';
import type { RpcHandler } from './rpc-handler.ts';
import { rpcProtocolOf } from './rpc-protocol.ts';
import { settleAfterResponse } from './settle.ts';

export interface RequestHandlerOptions {
  readonly config: ListenerConfig;
  readonly rpcs: ReadonlyMap<string, RpcHandler>;
  /** Sees every exchange as it starts. */
  readonly onExchange: (request: NodeRequest, response: NodeResponse) => void;
}

/** Serves a request of either HTTP version. Never throws and never rejects. */
export type RequestHandler = (request: NodeRequest, response: NodeResponse) => void;

/** The order of judgement: address and origin, then credentials, then the route; the body comes last. */
export function createRequestHandler(options: RequestHandlerOptions): RequestHandler {
  const { config, onExchange } = options;
  const rules: Rules = {
    policy: {
      boundHost: config.host,
      allowedHosts: config.allowedHosts,
      allowedOrigins: config.allowedOrigins,
    },
    refused: config.metrics?.counter({
      name: 'lachesis_requests_refused_total',
      help: 'Requests refused by their head: malformed, forbidden (host or origin) or credentials.',
      labels: ['reason'],
    }),
  };
  const settleLimits = {
    settleMaxBytes: config.limits.settleMaxBytes,
    settleMs: config.timeouts.settleMs,
  };
  return (request, response) => {
    settleAfterResponse(request, response, settleLimits);
    onExchange(request, response);
    // A request or response whose peer resets emits an error, which without a listener ends the process.
    request.on('error', () => {});
    response.on('error', () => {});
    handle(request, response, options, rules).catch((thrown: unknown) => {
      const { error, hidden } = toWireError(thrown, undefined, config.errorDetails);
      if (isGone(response)) return;
      if (hidden) config.logger.error('request failed', { path: pathOf(request), error: thrown });
      if (response.headersSent) response.destroy();
      else reject(request, response, { code: error.code, message: error.rawMessage });
    });
  };
}

interface Rules {
  readonly policy: GuardPolicy;
  readonly refused: Counter | undefined;
}

async function handle(
  request: NodeRequest,
  response: NodeResponse,
  { config, rpcs }: RequestHandlerOptions,
  { policy, refused }: Rules,
): Promise<void> {
  const verdict = judgeHead(guardedHeadOf(request), policy);
  if (!verdict.ok) {
    const malformed = verdict.reason === 'malformed';
    refused?.add(1, { reason: verdict.reason });
    config.logger.info('request refused', { reason: verdict.reason, message: verdict.message });
    reject(request, response, {
      code: malformed ? Code.InvalidArgument : Code.PermissionDenied,
      message: verdict.message,
      ...(malformed && { httpStatus: 400 }),
    });
    return;
  }
  if (verdict.origin !== undefined && answerAllowedOrigin(request, response, verdict.origin))
    return;

  const path = pathOf(request);
  const rpc = rpcs.get(path);
  const fallback = rpc === undefined ? findFallback(config.fallbacks, path) : undefined;
  const head = requestHeadOf(request, path);
  const authorize = fallback?.public === true ? undefined : config.authorize;
  const decision = await askAuthorizer(authorize, head, config.timeouts.authorizeMs);
  if (isGone(response)) return;
  if (!decision.ok) {
    refused?.add(1, { reason: 'credentials' });
    const error = refusalOf(decision.code, decision.message, decision.remedy);
    const details = config.errorDetails?.(error) ?? [];
    reject(request, response, { code: decision.code, message: error.message, details });
    return;
  }
  if (request.headers.expect === '100-continue' && 'writeContinue' in response) {
    response.writeContinue();
  }
  const context = { caller: decision.context, head };
  if (rpc !== undefined) {
    await rpc(request, response, createContextValues().set(requestContextKey, context));
  } else if (fallback !== undefined) {
    await fallback.handle(request, response, context);
  } else {
    rejectUnknownPath(request, response, path);
  }
}

function rejectUnknownPath(request: NodeRequest, response: NodeResponse, path: string): void {
  const protocol = rpcProtocolOf(request.method ?? '', request.url, request.headers);
  const known = protocol === 'http' ? 'Nothing is served' : 'No RPC is served';
  const message = `${known} at ${path.slice(0, 200)}.`;
  reject(request, response, { code: Code.Unimplemented, message });
}

function guardedHeadOf(request: NodeRequest): Parameters<typeof judgeHead>[0] {
  const { headers } = request;
  return {
    method: request.method ?? '',
    target: request.url,
    authority: 'authority' in request ? request.authority : headers.host,
    origin: headers.origin,
    fetchSite: single(headers['sec-fetch-site']),
    fetchMode: single(headers['sec-fetch-mode']),
  };
}

function single(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}

function requestHeadOf(request: NodeRequest, path: string): RequestHead {
  // Undefined on HTTP/2 when the session is gone already.
  const socket = request.socket as IncomingMessage['socket'] | undefined;
  const head = {
    path,
    method: request.method ?? '',
    headers: request.headers,
    remoteAddress: socket?.remoteAddress,
  };
  // On HTTP/2 the socket is a proxy of the TLS socket, so instanceof still holds for it.
  if (!(socket instanceof TLSSocket) || !socket.authorized) return head;
  const peerCertificate = socket.getPeerCertificate();
  return Object.keys(peerCertificate).length === 0 ? head : { ...head, peerCertificate };
}

const REFUSAL_KINDS: readonly ErrorKind[] = [
  'unauthenticated',
  'permission_denied',
  'resource_exhausted',
  'infrastructure_error',
];

function refusalOf(code: Code, message: string, remedy: string | undefined): LachesisError {
  const kind = REFUSAL_KINDS.find((candidate) => codeOfKind(candidate) === code);
  return new LachesisError(kind ?? 'permission_denied', message, {
    reason: kind === 'unauthenticated' ? 'BAD_CREDENTIALS' : 'NOT_ALLOWED',
    ...(remedy !== undefined && { remedy }),
  });
}
