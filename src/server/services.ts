import type { DescService } from '@bufbuild/protobuf';
import type { ConnectRouter } from '@connectrpc/connect';
import { Health } from '../../gen/grpc/health/v1/health_pb.ts';
import { BatchService } from '../../gen/lachesis/v1/batch_service_pb.ts';
import { EnvironmentService } from '../../gen/lachesis/v1/environment_service_pb.ts';
import { PolicyService } from '../../gen/lachesis/v1/policy_service_pb.ts';
import { RunService } from '../../gen/lachesis/v1/run_service_pb.ts';
import { SandboxService } from '../../gen/lachesis/v1/sandbox_service_pb.ts';
import { ServerService } from '../../gen/lachesis/v1/server_service_pb.ts';
import { WorkService } from '../../gen/lachesis/v1/work_service_pb.ts';
import type { RunState } from '../broker/index.ts';
import { ISOLATION_LEVELS } from '../sandbox/index.ts';
import type { AgentLeases } from './agent-leases.ts';
import { type AssignmentFollower, runWasClosed } from './assignment-follower.ts';
import type { AutoPlay } from './auto-play.ts';
import { batchService } from './batch-service.ts';
import { environmentService } from './environment-service.ts';
import { type HealthState, healthService } from './health.ts';
import { assertFillsBatches, type HostedEnvironments, isolationOf } from './hosted.ts';
import { KnownEnvironments } from './known-environments.ts';
import type { LocalPlayer } from './local-player.ts';
import { orderBacklog } from './order-backlog.ts';
import { policyService } from './policy-service.ts';
import { reflectionService } from './reflection.ts';
import type { Rollouts } from './rollouts.ts';
import { runService } from './run-service.ts';
import { sandboxService } from './sandbox-service.ts';
import { serverInfoService } from './server-info.ts';
import type { ServerConfig } from './server-options.ts';
import { assertHasTask } from './task-cycle.ts';
import { workService } from './work-service.ts';
import { WorkerRegistry } from './worker-registry.ts';

/** What the services of one server share. */
export interface ServiceParts {
  readonly config: ServerConfig;
  readonly instanceId: string;
  readonly environments: HostedEnvironments;
  readonly rollouts: Rollouts;
  readonly player: LocalPlayer;
  readonly autoPlay: AutoPlay;
  readonly health: HealthState;
  readonly follower: AssignmentFollower;
  /** Of agents elsewhere; undefined when no pool is served. */
  readonly leases: AgentLeases | undefined;
  /** Of the worker in this process. */
  readonly localWorkerId: string;
  /** Fires when the server begins to stop. */
  readonly stopping: AbortSignal;
}

/** The services that a server has, health and reflection aside. */
export function servicesOf(config: ServerConfig): readonly DescService[] {
  return [
    ServerService,
    EnvironmentService,
    RunService,
    WorkService,
    BatchService,
    SandboxService,
    ...(config.policy === undefined ? [] : [PolicyService]),
  ];
}

/** Methods of those that answer UNIMPLEMENTED, as `lachesis.v1.Service/Method`: without a pool, none runs. */
export function unimplementedMethods({ sandboxes }: ServerConfig): readonly string[] {
  if (sandboxes !== undefined) return [];
  return SandboxService.methods.map(({ name }) => `${SandboxService.typeName}/${name}`);
}

/** Registers everything that a server serves. */
export function routeServices(router: ConnectRouter, parts: ServiceParts): void {
  const { config, environments, rollouts, player, autoPlay, health } = parts;
  const { broker, policy, limits } = config;
  const services = servicesOf(config);
  const workers = new WorkerRegistry();
  const known = new KnownEnvironments({ hosted: environments, workers, broker });
  const kick = (runId: string): void => autoPlay.kick(runId);

  healthService(router, health);
  reflectionService(router, [...services, Health]);
  serverInfoService(router, {
    version: config.version,
    instanceId: parts.instanceId,
    services: services.map(({ typeName }) => typeName),
    unimplementedMethods: unimplementedMethods(config),
    features: config.features,
    isolation: weakestIsolation(environments),
    maxGroupBytes: limits.maxGroupBytes,
    eventHistory: limits.rolloutLog.maxEvents,
  });
  environmentService(router, {
    environments,
    known,
    broker,
    player,
    rollouts,
    heartbeatMs: limits.heartbeatMs,
  });
  runService(router, {
    broker,
    checkAutoPlay: async (autoPlay, batchSize, signal) => {
      for (const [i, { environment, split }] of autoPlay.environments.entries()) {
        const field = `settings.auto_play.environments[${i}].environment`;
        known.assertHosted(environment, field, 'auto play');
        const served = environments.get(environment, field);
        // Without a worker here, others play it with models of their own.
        if (config.worker) assertFillsBatches(served, batchSize);
        await assertHasTask(served.environment, split, signal);
      }
    },
    problemOf: (runId) => autoPlay.problemOf(runId),
    onRun: (run) => onRun(run, parts),
  });
  workService(router, {
    broker,
    workers,
    environments: known,
    leases: parts.follower.leases,
    maxGroupBytes: limits.maxGroupBytes,
    rollouts,
    orderBacklog: (assignments) => orderBacklog(assignments, { broker, rollouts, autoPlay }),
    onStored: kick,
    stopping: parts.stopping,
  });
  batchService(router, { broker, onTaken: kick, onAsked: (runId) => autoPlay.asking(runId) });
  if (parts.leases === undefined) router.service(SandboxService, {});
  else sandboxService(router, parts.leases);
  if (policy !== undefined) policyService(router, policy);
}

/** An opened run begins to play by itself when it asks for that; a closed one's rollouts end. */
function onRun(run: RunState, { autoPlay, rollouts, follower }: ServiceParts): void {
  if (!run.closed) {
    autoPlay.start(run);
    return;
  }
  autoPlay.kick(run.id);
  // What waits is ended as the broker tells of it, of very many a few at a time; what plays stops now.
  for (const { runId, assignmentId } of follower.leases) {
    if (runId !== run.id) continue;
    rollouts.cancel(rollouts.openOf({ runId, groupId: assignmentId }), runWasClosed(runId));
  }
}

/** From none at all to the server's own process; sandboxes are stronger than that. */
function weakestIsolation(environments: HostedEnvironments): string {
  const found = new Set(environments.all.map(isolationOf));
  const weakestFirst = ['in_process', ...ISOLATION_LEVELS, 'container', 'none'];
  return weakestFirst.find((isolation) => found.has(isolation)) ?? [...found][0] ?? 'none';
}
