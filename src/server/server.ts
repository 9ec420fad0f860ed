import { randomUUID } from 'node:crypto';
import { pause } from '../async/index.ts';
import { assignmentToProto } from '../contract/index.ts';
import { LachesisError } from '../errors.ts';
import type { Listener } from '../transport/index.ts';
import { createWorker } from '../worker/index.ts';
import { AgentLeases } from './agent-leases.ts';
import { AssignmentFollower } from './assignment-follower.ts';
import { AutoPlay } from './auto-play.ts';
import { assertBindable } from './credentials.ts';
import { HealthState } from './health.ts';
import { HostedEnvironments, isolationOf } from './hosted.ts';
import { LocalPlayer } from './local-player.ts';
import { LocalWorkPlane } from './local-work-plane.ts';
import { giveBackOfDead, localWorkerIdOf } from './local-worker-id.ts';
import { orderBacklog } from './order-backlog.ts';
import { orderGroups } from './order-groups.ts';
import { Rollouts } from './rollouts.ts';
import { startServerListener } from './server-listener.ts';
import { resolveServerOptions, type ServerOptions } from './server-options.ts';
import { type ServiceParts, servicesOf } from './services.ts';
import { createStartTokens, type StartTokens, writeTokenFile } from './start-tokens.ts';

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
  /** Groups of this run came or went by another way than these services: it may have to be played on. */
  runChanged(runId: string): void;
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
  const localWorkerId = localWorkerIdOf(process.pid);
  const stopping = new AbortController();
  const tokens = auth.kind === 'start_tokens' ? createStartTokens() : undefined;

  await using owned = new AsyncDisposableStack();
  if (config.ownsBroker) owned.defer(() => broker.close());
  const environments = new HostedEnvironments(config.environments);
  const rollouts = new Rollouts({
    limits: config.limits.rolloutLog,
    metrics: config.metrics,
    onFinished: config.onRolloutFinished,
  });
  // Disposed of after everything that plays: what is still queued ends here, for this server.
  owned.defer(() => {
    const message = 'the server has shut down.';
    rollouts.endAll(new LachesisError('cancelled', message, { reason: 'SERVER_STOPPED' }));
  });
  const player = owned.use(
    new LocalPlayer({
      environments,
      rollouts,
      concurrency: config.concurrency,
      maxOpen: config.limits.maxOpenRollouts,
      workerId: localWorkerId,
      logger,
    }),
  );
  const autoPlay = new AutoPlay({
    broker,
    environmentOf: (name) => environments.get(name).environment,
    enqueue: async (assignments) => {
      const wires = assignments.map((assignment) => assignmentToProto(assignment));
      await orderGroups(wires, { broker, rollouts });
    },
    logger,
  });
  const health = new HealthState(servicesOf(config).map(({ typeName }) => typeName));
  const follower = owned.use(
    new AssignmentFollower({
      broker,
      rollouts,
      localWorkerId,
      onEnded: (runId) => autoPlay.kick(runId),
      logger,
      stopping: stopping.signal,
    }),
  );
  await giveBackOfDead(broker, follower.leases);
  const { sandboxes } = config;
  const leases =
    sandboxes === undefined
      ? undefined
      : owned.use(new AgentLeases({ pool: sandboxes, rules: config.agentSandboxes }));
  const parts = {
    ...{ config, instanceId, environments, rollouts, player, autoPlay, health, follower },
    ...{ localWorkerId, leases, stopping: stopping.signal },
  };

  const worker = startWorker(parts, owned);
  owned.use(autoPlay);
  for (const run of await broker.listRuns()) autoPlay.start(run);

  const listener = owned.use(await startServerListener(parts, tokens));
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
    stopping.abort();
    worker?.stopLeasing();
    await tokenFile?.[Symbol.asyncDispose]();
    await autoPlay[Symbol.asyncDispose]();
    const idle = (): boolean => player.openCount === 0 && (worker?.playing ?? 0) === 0;
    const playing = async (): Promise<void> => {
      await untilIdle(idle, graceMs - lastWordsMs(graceMs));
      // What belongs to a run is given back to it instead, to be played again.
      const alone = rollouts.log.open().filter(({ group }) => group.runId === '');
      rollouts.cancel(alone, 'the server shuts down.');
      await untilIdle(idle, lastWordsMs(graceMs));
    };
    await Promise.all([listener.drain(graceMs), playing()]);
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
    runChanged: (runId) => autoPlay.kick(runId),
    drain,
    close: () => drain(0),
    [Symbol.asyncDispose]: () => drain(0),
  };
}

/** The worker in this process, over the broker itself. */
function startWorker(
  { config, environments, rollouts, autoPlay, localWorkerId: workerId }: ServiceParts,
  owned: AsyncDisposableStack,
): { stopLeasing(): void; readonly playing: number } | undefined {
  if (!config.worker || config.environments.length === 0) return undefined;
  const { broker, logger, concurrency } = config;
  const plane = owned.use(
    new LocalWorkPlane({
      broker,
      rollouts,
      workerId,
      environments: environments.names,
      onChange: (runId) => autoPlay.kick(runId),
      orderBacklog: (assignments) =>
        orderBacklog(assignments, { broker: config.broker, rollouts, autoPlay }),
      logger,
    }),
  );
  const worker = owned.use(
    createWorker({
      environments: environments.toMap(),
      modelServerFor: (name) => environments.get(name).modelServer,
      isolationFor: (name) => isolationOf(environments.get(name)),
      plane,
      workerId,
      concurrency,
      // Its grace is the server's: when it is disposed of, that is over.
      drainMs: 0,
      logger,
    }),
  );
  void worker.run(new AbortController().signal);
  return {
    stopLeasing: () => plane.stopLeasing(),
    get playing() {
      return worker.inFlight.groups;
    },
  };
}

/** The end of a drain's grace, in which watchers still hear how rollouts end that got no longer one. */
function lastWordsMs(graceMs: number): number {
  return Math.min(500, Math.floor(graceMs / 4));
}

/** Looks now and then; a drain has no more to go by. */
async function untilIdle(isIdle: () => boolean, timeoutMs: number): Promise<void> {
  const deadline = AbortSignal.timeout(timeoutMs);
  while (!deadline.aborted && !isIdle()) await pause(20, deadline);
}
