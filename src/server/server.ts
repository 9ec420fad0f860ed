import { randomUUID } from 'node:crypto';
import { toBinary } from '@bufbuild/protobuf';
import { createConnectRouter } from '@connectrpc/connect';
import { ErrorDetailSchema } from '../../gen/lachesis/v1/error_pb.ts';
import { AssignmentSchema } from '../../gen/lachesis/v1/task_pb.ts';
import { type Assignment, assignmentToProto, errorDetailToProto } from '../contract/index.ts';
import { METRICS_CONTENT_TYPE, renderMetricsText } from '../telemetry/index.ts';
import { type FallbackRoute, type Listener, startListener } from '../transport/index.ts';
import { WIRE_LIMITS } from '../wire/index.ts';
import { createWorker } from '../worker/index.ts';
import { AutoPlay } from './auto-play.ts';
import { assertBindable, createAuthorizer } from './credentials.ts';
import { HealthState } from './health.ts';
import { HostedEnvironments } from './hosted.ts';
import { LocalPlayer, rolloutIdsOf, taskKeyOf } from './local-player.ts';
import { LocalWorkPlane } from './local-work-plane.ts';
import { Rollouts } from './rollouts.ts';
import type { Scope } from './scope.ts';
import { resolveServerOptions, type ServerConfig, type ServerOptions } from './server-options.ts';
import { routeServices, type ServiceParts, servicesOf } from './services.ts';
import {
  createStartTokens,
  credentialsOf,
  type StartTokens,
  writeTokenFile,
} from './start-tokens.ts';

/** A server that serves. Close or drain it; both can be called again. */
export interface LachesisServer extends AsyncDisposable {
  /** `http://127.0.0.1:50051`. */
  readonly address: string;
  readonly host: string;
  readonly port: number;
  readonly instanceId: string;
  /** Tokens of this start; undefined when others or none are asked for. */
  readonly tokens: StartTokens | undefined;
  /** The file that clients of this user find; undefined without start tokens. */
  readonly tokenFile: string | undefined;
  readonly listener: Pick<Listener, 'stats'>;
  /**
   * Says NOT_SERVING, takes nothing new, lets what runs finish for `graceMs`, then aborts it with
   * UNAVAILABLE and closes. Every rollout still gets its terminal event.
   */
  drain(graceMs: number): Promise<void>;
  /** `drain(0)`. */
  close(): Promise<void>;
}

/**
 * Starts a server; resolves when it serves. Rejects with `failed_precondition` when it would be
 * reachable from elsewhere without credentials, and when the address can't be bound.
 */
export async function startServer(options: ServerOptions): Promise<LachesisServer> {
  const config = resolveServerOptions(options);
  const { auth, broker, logger, tls } = config;
  const mutualTls = tls?.clientCa !== undefined && tls.requireClientCertificate !== false;
  assertBindable(config.host, auth, { mutualTls });
  const instanceId = randomUUID();
  const tokens = auth.kind === 'start_tokens' ? createStartTokens() : undefined;

  await using owned = new AsyncDisposableStack();
  if (config.ownsBroker) owned.defer(() => broker.close());
  const environments = new HostedEnvironments(config.environments);
  const rollouts = new Rollouts({
    limits: config.limits.rolloutLog,
    metrics: config.metrics,
    onFinished: config.onRolloutFinished,
  });
  const player = owned.use(
    new LocalPlayer({
      environments,
      rollouts,
      concurrency: config.concurrency,
      maxOpen: config.limits.maxOpenRollouts,
      workerId: `serve-${process.pid}`,
      logger,
    }),
  );
  const autoPlay = new AutoPlay({
    broker,
    tasksOf: (name) => environments.get(name).environment.tasks,
    enqueue: (assignments) => enqueue(assignments, config, rollouts),
    logger,
  });
  const health = new HealthState(servicesOf(config).map(({ typeName }) => typeName));
  const parts = { config, instanceId, environments, rollouts, player, autoPlay, health };

  const work = new AbortController();
  let working: Promise<void> | undefined;
  if (config.worker && config.environments.length > 0) {
    const plane = owned.use(
      new LocalWorkPlane({
        broker,
        rollouts,
        workerId: `serve-${process.pid}`,
        environments: environments.names,
        onChange: (runId) => autoPlay.kick(runId),
        logger,
      }),
    );
    const worker = owned.use(
      createWorker({
        environments: environments.toMap(),
        modelServerFor: (name) => environments.get(name).modelServer,
        plane,
        workerId: `serve-${process.pid}`,
        concurrency: config.concurrency,
        // The drain waits for the listener's grace first, then stops the worker.
        drainMs: 0,
        logger,
      }),
    );
    working = worker.run(work.signal);
  }
  owned.use(autoPlay);
  for (const run of await broker.listRuns()) autoPlay.start(run);

  const listener = await startListener(listenerOptions(parts, tokens));
  owned.use(listener);
  const tokenFile =
    tokens === undefined
      ? undefined
      : await writeTokenFile(
          { address: listener.address.url, pid: process.pid, instanceId, tokens },
          config.tokenDirectory,
        );
  if (tokenFile !== undefined) owned.use(tokenFile);
  logger.info('serving', { address: listener.address.url, instanceId });

  const all = owned.move();
  let ending: Promise<void> | undefined;
  const end = async (graceMs: number): Promise<void> => {
    health.stopServing();
    await tokenFile?.[Symbol.asyncDispose]();
    await autoPlay[Symbol.asyncDispose]();
    await listener.drain(graceMs);
    work.abort();
    await working;
    await all.disposeAsync();
    logger.info('closed', { instanceId });
  };
  const drain = (graceMs: number): Promise<void> => {
    ending ??= end(graceMs);
    return ending;
  };
  return {
    address: listener.address.url,
    host: listener.address.host,
    port: listener.address.port,
    instanceId,
    tokens,
    tokenFile: tokenFile?.path,
    listener,
    drain,
    close: () => drain(0),
    [Symbol.asyncDispose]: () => drain(0),
  };
}

function listenerOptions(
  parts: ServiceParts,
  tokens: StartTokens | undefined,
): Parameters<typeof startListener>[0] {
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
  return {
    routes: (router) => {
      routeServices(router, parts);
      config.routes(router);
    },
    host: config.host,
    port: config.port,
    ...(tls !== undefined && { tls }),
    authorize: createAuthorizer({ credentials, httpScopes }),
    fallbacks: httpFallbacks(parts),
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
  };
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

async function enqueue(
  assignments: readonly Assignment[],
  { broker }: ServerConfig,
  rollouts: Rollouts,
): Promise<void> {
  for (const assignment of assignments) {
    const { id: groupId, runId, environment } = assignment;
    const rolloutIds = rolloutIdsOf(assignment);
    const taskKey = taskKeyOf(assignment);
    rollouts.log.dispatch({ groupId, runId, environment, taskKey, rolloutIds });
  }
  await broker.enqueue(
    assignments.map((assignment) => ({
      id: assignment.id,
      runId: assignment.runId,
      environment: assignment.environment,
      priority: 0,
      payload: toBinary(AssignmentSchema, assignmentToProto(assignment)),
    })),
  );
}
