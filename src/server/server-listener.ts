import { createConnectRouter } from '@connectrpc/connect';
import { ErrorDetailSchema } from '../../gen/lachesis/v1/error_pb.ts';
import { errorDetailToProto } from '../contract/index.ts';
import { METRICS_CONTENT_TYPE, renderMetricsText } from '../telemetry/index.ts';
import { type FallbackRoute, type Listener, startListener } from '../transport/index.ts';
import { WIRE_LIMITS } from '../wire/index.ts';
import { createAuthorizer } from './credentials.ts';
import { notBuilt } from './not-built.ts';
import type { Scope } from './scope.ts';
import { routeServices, type ServiceParts, unimplementedMethods } from './services.ts';
import { credentialsOf, type StartTokens } from './start-tokens.ts';

/** Starts the listener of a server: its services, who may call them, and its plain HTTP routes. */
export function startServerListener(
  parts: ServiceParts,
  tokens: StartTokens | undefined,
): Promise<Listener> {
  const { config } = parts;
  const { auth, tls } = config;
  const credentials =
    auth.kind === 'credentials'
      ? auth.credentials
      : tokens === undefined
        ? undefined
        : credentialsOf(tokens);
  const httpScopes: Record<string, readonly Scope[]> = { '/metrics': ['operator'] };
  for (const [prefix, { scopes }] of Object.entries(config.fallbacks)) {
    httpScopes[prefix] = scopes ?? ['operator', 'trainer', 'worker'];
  }
  const own = createConnectRouter();
  config.routes(own);
  for (const { requestPath } of own.handlers) httpScopes[requestPath] = ['operator'];
  return startListener({
    routes: (router) => {
      routeServices(router, parts);
      config.routes(router);
    },
    host: config.host,
    port: config.port,
    ...(tls !== undefined && { tls }),
    authorize: createAuthorizer({ credentials, httpScopes }),
    fallbacks: httpFallbacks(parts),
    interceptors: [notBuilt(unimplementedMethods(config))],
    errorDetails: (error) => [{ desc: ErrorDetailSchema, value: errorDetailToProto(error) }],
    allowedHosts: config.allowedHosts,
    allowedOrigins: config.allowedOrigins,
    limits: {
      readMaxBytes: WIRE_LIMITS.maxRequestMessageBytes,
      writeMaxBytes: WIRE_LIMITS.maxResponseMessageBytes,
      ...config.listener.limits,
    },
    timeouts: { unaryMs: config.limits.unaryTimeoutMs, ...config.listener.timeouts },
    logger: config.logger,
    metrics: config.metrics,
  });
}

function httpFallbacks({ config, health }: ServiceParts): Record<string, FallbackRoute> {
  const fallbacks: Record<string, FallbackRoute> = { ...config.fallbacks };
  fallbacks['/metrics'] = {
    handle: (_request, response) => {
      response.writeHead(200, { 'content-type': METRICS_CONTENT_TYPE });
      response.end(renderMetricsText(config.metrics));
    },
  };
  fallbacks['/healthz'] = {
    public: true,
    handle: (_request, response) => {
      const serving = health.isServing;
      response.writeHead(serving ? 200 : 503, { 'content-type': 'text/plain; charset=utf-8' });
      response.end(serving ? 'serving\n' : 'not serving\n');
    },
  };
  return fallbacks;
}
