import type { ConnectRouter } from '@connectrpc/connect';
import { type Broker, createMemoryBroker } from '../broker/index.ts';
import type { Rollout } from '../contract/index.ts';
import type { HostedEnvironment } from '../environment/index.ts';
import { invalidInput } from '../errors.ts';
import type { ModelServer } from '../models/index.ts';
import type { SandboxPool } from '../sandbox/index.ts';
import { type Logger, MetricsRegistry, silentLogger } from '../telemetry/index.ts';
import type { FallbackRoute, ListenerOptions, ListenerTls } from '../transport/index.ts';
import { WIRE_LIMITS } from '../wire/index.ts';
import type { AgentRules } from './agent-rules.ts';
import { type AuthOptions, isLoopback } from './credentials.ts';
import type { ServedEnvironment } from './hosted.ts';
import { packageVersion } from './package-version.ts';
import { DEFAULT_ROLLOUT_LOG_LIMITS, type RolloutLogLimits } from './rollout-log.ts';
import type { Scope } from './scope.ts';
import type { ServedPolicy } from './served-policy.ts';

/** A plain HTTP route beside the services, as the gateways bring them. */
export interface HttpRoute extends FallbackRoute {
  /** Who may call, unless it is public. Default: operator, trainer and worker. */
  readonly scopes?: readonly Scope[];
}

export interface ServerLimits {
  /** Largest group that is taken. Default: 1 GiB. */
  readonly maxGroupBytes: number;
  /** Rollouts outside of runs that are in flight or waiting. Default: 4,096. */
  readonly maxOpenRollouts: number;
  /** Deadline of a unary call whose client sets none. Default: 60 s. */
  readonly unaryTimeoutMs: number;
  /** Longest silence of a watch. Default: 15 s. */
  readonly heartbeatMs: number;
  readonly rolloutLog: RolloutLogLimits;
}

export interface ServerOptions {
  /** A hosted environment is played by what `modelServerFor` gives. */
  readonly environments: readonly (HostedEnvironment | ServedEnvironment)[];
  readonly modelServerFor?: (environment: string) => ModelServer;
  /** Rollouts in flight in each of: the in-process worker, play outside of runs. Default: 32. */
  readonly concurrency?: number;
  /** Sees every rollout at its one ending; `runId` is empty outside of a run. Must not throw. */
  readonly onRolloutFinished?: (rollout: Rollout, runId: string) => void;
  /** Stays the caller's to close. Default: one in memory, closed with the server. */
  readonly broker?: Broker;
  /** Served as PolicyService. Stays the caller's to close. Default: none. */
  readonly policy?: ServedPolicy;
  /** Served as SandboxService; stays the caller's to drain. Default: none, and its calls are refused. */
  readonly sandboxes?: SandboxPool | undefined;
  /** What SandboxService grants beyond the pool's own default. Default: no image and no network. */
  readonly agentSandboxes?: AgentRules;
  /** False: no worker in this process; groups wait for others. Default: true. */
  readonly worker?: boolean;
  /** Default: tokens of this start on loopback; elsewhere there is none and the start is refused. */
  readonly auth?: AuthOptions;
  readonly tls?: ListenerTls;
  /** Default: 127.0.0.1. */
  readonly host?: string;
  /** Default: 0, an ephemeral port. */
  readonly port?: number;
  readonly allowedHosts?: readonly string[];
  readonly allowedOrigins?: readonly string[];
  /** By path prefix. `/metrics` and `/healthz` are the server's own. */
  readonly fallbacks?: Readonly<Record<string, HttpRoute>>;
  /** Registers services of your own beside these; calling them takes an operator's credential. */
  readonly routes?: (router: ConnectRouter) => void;
  /** The listener's own limits and timeouts, where its defaults do not do. */
  readonly listener?: Pick<ListenerOptions, 'limits' | 'timeouts'>;
  /** What GetServerInfo gives as the version. Default: the package's. */
  readonly version?: string;
  /** Optional features that are on, for GetServerInfo. */
  readonly features?: readonly string[];
  readonly limits?: Partial<ServerLimits>;
  /** Where the token file goes. Default: the user's runtime directory. */
  readonly tokenDirectory?: string;
  readonly logger?: Logger;
  readonly metrics?: MetricsRegistry;
}

export interface ServerConfig
  extends Required<
    Omit<
      ServerOptions,
      | 'policy'
      | 'sandboxes'
      | 'tls'
      | 'tokenDirectory'
      | 'limits'
      | 'broker'
      | 'environments'
      | 'modelServerFor'
    >
  > {
  readonly environments: readonly ServedEnvironment[];
  readonly broker: Broker;
  /** Whether the server closes the broker. */
  readonly ownsBroker: boolean;
  readonly policy: ServedPolicy | undefined;
  readonly sandboxes: SandboxPool | undefined;
  readonly tls: ListenerTls | undefined;
  readonly tokenDirectory: string | undefined;
  readonly limits: ServerLimits;
}

export const DEFAULT_SERVER_LIMITS: ServerLimits = Object.freeze({
  maxGroupBytes: WIRE_LIMITS.maxGroupBytes,
  maxOpenRollouts: 4_096,
  unaryTimeoutMs: 60_000,
  heartbeatMs: 15_000,
  rolloutLog: DEFAULT_ROLLOUT_LOG_LIMITS,
});

export function resolveServerOptions(options: ServerOptions): ServerConfig {
  const onLoopback: AuthOptions = { kind: 'start_tokens' };
  const host = options.host ?? '127.0.0.1';
  const metrics = options.metrics ?? new MetricsRegistry();
  return Object.freeze({
    environments: Object.freeze(
      options.environments.map((each) => servedEnvironment(each, options.modelServerFor)),
    ),
    concurrency: options.concurrency ?? 32,
    onRolloutFinished: options.onRolloutFinished ?? (() => {}),
    broker: options.broker ?? createMemoryBroker({ metrics }),
    ownsBroker: options.broker === undefined,
    policy: options.policy,
    sandboxes: options.sandboxes,
    agentSandboxes: Object.freeze({ ...options.agentSandboxes }),
    worker: options.worker ?? true,
    auth: options.auth ?? (isLoopback(host) ? onLoopback : NO_CREDENTIALS),
    tls: options.tls,
    host,
    port: options.port ?? 0,
    allowedHosts: Object.freeze([...(options.allowedHosts ?? [])]),
    allowedOrigins: Object.freeze([...(options.allowedOrigins ?? [])]),
    fallbacks: Object.freeze({ ...options.fallbacks }),
    routes: options.routes ?? (() => {}),
    listener: Object.freeze({ ...options.listener }),
    version: options.version ?? packageVersion(),
    features: Object.freeze([...(options.features ?? [])]),
    limits: Object.freeze({ ...DEFAULT_SERVER_LIMITS, ...options.limits }),
    tokenDirectory: options.tokenDirectory,
    logger: options.logger ?? silentLogger,
    metrics,
  });
}

const NO_CREDENTIALS: AuthOptions = Object.freeze({ kind: 'credentials', credentials: [] });

function servedEnvironment(
  given: HostedEnvironment | ServedEnvironment,
  modelServerFor: ServerOptions['modelServerFor'],
): ServedEnvironment {
  if ('environment' in given) return given;
  if (modelServerFor !== undefined) {
    return { environment: given, modelServer: modelServerFor(given.name) };
  }
  throw invalidInput('modelServerFor', `is missing: nothing plays environment "${given.name}".`);
}
