import type Docker from 'dockerode';
import { startDeadline, untilAborted } from '../../../async/index.ts';
import { LachesisError } from '../../../errors.ts';
import type {
  BackendProbe,
  FoundSandbox,
  ProbeOptions,
  SandboxBackend,
} from '../../contract/backend.ts';
import type { Sandbox } from '../../contract/sandbox.ts';
import type { CreateOptions, SandboxSpec } from '../../contract/spec.ts';
import { completeSandbox } from '../../exec/complete-sandbox.ts';
import { optionalPackage } from '../remote/optional-package.ts';
import { probeByUse } from '../remote/probe.ts';
import { type ContainerPlan, OURS, planContainer, tagLabels, tagsOf } from './container-config.ts';
import { DockerSandbox, removeContainer } from './docker-sandbox.ts';
import { createFault, dockerFault } from './faults.ts';
import type { DockerBackendOptions } from './options.ts';

const DEFAULT_CREATE_TIMEOUT_MS = 60_000;
const TEXTS = {
  detail: 'The daemon made a container and ran a command in it.',
  remedy: 'Look at what the Docker or Podman daemon says.',
};

/**
 * Containers of Docker, or of Podman by its Docker-compatible socket, by `dockerode`, which is loaded on first
 * use. They outlive this process by their lifetime at most.
 */
export function createDockerBackend(options: DockerBackendOptions = {}): SandboxBackend {
  return new DockerBackend(options);
}

class DockerBackend implements SandboxBackend {
  readonly name = 'docker';
  readonly capabilities;
  readonly #options: DockerBackendOptions;
  readonly #live = new Set<DockerSandbox>();
  readonly #usable = new Set<string>();
  readonly #creating = new Set<Promise<unknown>>();
  #docker: Promise<Docker> | undefined;
  #isClosed = false;

  constructor(options: DockerBackendOptions) {
    this.#options = options;
    this.capabilities = Object.freeze({
      isolation: options.isolation ?? 'namespace',
      outlivesOwner: true,
      costly: false,
      networks: ['none', 'open'],
      limits: ['cpus', 'memoryMiB', 'diskMiB', 'pids'],
      images: true,
      snapshots: false,
      liveNetwork: false,
      endpoints: false,
      realProcesses: true,
    } as const);
  }

  probe(options: ProbeOptions): Promise<BackendProbe> {
    return probeByUse(this, TEXTS, options);
  }

  async create(spec: SandboxSpec, options: CreateOptions): Promise<Sandbox> {
    this.#assertOpen();
    const plan = planContainer(spec, this.#options, options);
    options.signal.throwIfAborted();
    const { createTimeoutMs: timeoutMs = DEFAULT_CREATE_TIMEOUT_MS } = this.#options;
    using deadline = startDeadline({
      ...{ timeoutMs, signal: options.signal },
      reason: () =>
        dockerFault(
          'A container could not be made',
          new Error(`it took longer than ${timeoutMs} ms`),
        ),
    });
    const creating = this.#create(plan);
    this.#creating.add(creating);
    void creating.catch(() => {}).finally(() => this.#creating.delete(creating));
    const sandbox = await untilAborted(creating, {
      signal: deadline,
      onLate: (late) => void late.terminate().catch(() => {}),
    });
    try {
      this.#assertOpen();
      if (!this.#usable.has(plan.image)) await sandbox.prepare(options.signal);
      this.#usable.add(plan.image);
      return completeSandbox(sandbox);
    } catch (error) {
      await sandbox.terminate().catch(() => {});
      throw options.signal.aborted ? options.signal.reason : error;
    }
  }

  async list(
    tags: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<readonly FoundSandbox[]> {
    const docker = await this.#open();
    const label = [
      `${OURS}=1`,
      ...Object.entries(tagLabels(tags)).map(([name, value]) => `${name}=${value}`),
    ];
    try {
      const found = await docker.listContainers({
        all: true,
        filters: { label },
        abortSignal: signal,
      });
      return found.map(({ Id: id, Labels }) => ({
        id,
        tags: tagsOf(Labels),
        terminate: async () => {
          const own = [...this.#live].find((each) => each.id === id);
          await (own?.terminate() ?? removeContainer(docker.getContainer(id)));
        },
      }));
    } catch (error) {
      signal.throwIfAborted();
      throw dockerFault('The containers could not be listed', error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled(this.#creating);
    await Promise.all([...this.#live].map((sandbox) => sandbox.end('its backend was closed')));
  }

  async #create({ image, workdir, env, config }: ContainerPlan): Promise<DockerSandbox> {
    const docker = await this.#open();
    let container: Docker.Container | undefined;
    try {
      container = await docker.createContainer(config);
      await container.start();
    } catch (error) {
      if (container !== undefined) await removeContainer(container).catch(() => {});
      throw createFault(image, error);
    }
    const isolation = this.capabilities.isolation;
    const sandbox: DockerSandbox = new DockerSandbox({
      ...{ container, isolation, workdir, env },
      onEnd: () => this.#live.delete(sandbox),
    });
    this.#live.add(sandbox);
    return sandbox;
  }

  async #open(): Promise<Docker> {
    this.#docker ??= optionalPackage('dockerode', 'docker', () => import('dockerode')).then(
      ({ default: Client }) => new Client(this.#options.connection),
    );
    return await this.#docker;
  }

  #assertOpen(): void {
    if (!this.#isClosed) return;
    throw new LachesisError('failed_precondition', 'The docker backend is closed.', {
      reason: 'BACKEND_CLOSED',
    });
  }
}
