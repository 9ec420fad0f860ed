import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { untilAborted } from '../../../async/index.ts';
import { invalidInput, LachesisError } from '../../../errors.ts';
import type {
  BackendProbe,
  FoundSandbox,
  ProbeOptions,
  SandboxBackend,
} from '../../contract/backend.ts';
import { checkSpec } from '../../contract/check.ts';
import type { Sandbox } from '../../contract/sandbox.ts';
import type { CreateOptions, SandboxSpec } from '../../contract/spec.ts';
import { completeSandbox } from '../../exec/complete-sandbox.ts';
import { includesTags, LifetimeTimer } from '../local/lifetime.ts';
import { optionalPackage } from '../remote/optional-package.ts';
import { probeByUse } from '../remote/probe.ts';
import { JustBashSandbox } from './just-bash-sandbox.ts';
import type { JustBashOptions } from './options.ts';
import { SimulatedThread } from './simulated-thread.ts';

const DEFAULT_MEMORY_MIB = 512;
const DEFAULT_DISK_MIB = 256;
const MIB = 1_048_576;
const TEXTS = {
  detail: 'A simulated shell on files in memory: no real programs, no network.',
  remedy: 'Look at the memory of the host.',
};

interface Live {
  readonly id: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly thread: SimulatedThread;
}

/**
 * Simulated sandboxes, which work on every system: a bash that is interpreted, on files in memory, each in a
 * thread of its own. The package `just-bash` is loaded on first use.
 */
export function createJustBashBackend(options: JustBashOptions = {}): SandboxBackend {
  return new JustBashBackend(options);
}

class JustBashBackend implements SandboxBackend {
  readonly name = 'just-bash';
  readonly capabilities = Object.freeze({
    isolation: 'simulated',
    outlivesOwner: false,
    costly: false,
    networks: ['none'],
    // Of the thread's heap, and of all files together.
    limits: ['memoryMiB', 'diskMiB'],
    images: false,
    snapshots: false,
    liveNetwork: false,
    endpoints: false,
    realProcesses: false,
  } as const);
  readonly #options: JustBashOptions;
  readonly #live = new Set<Live>();
  #isClosed = false;

  constructor(options: JustBashOptions) {
    this.#options = options;
  }

  probe(options: ProbeOptions): Promise<BackendProbe> {
    return probeByUse(this, TEXTS, options);
  }

  async create(spec: SandboxSpec, options: CreateOptions): Promise<Sandbox> {
    this.#assertOpen();
    checkJustBashSpec(spec);
    const { signal, tags = {}, lifetimeMs } = options;
    signal.throwIfAborted();
    await assertInstalled();
    const { workdir = '/workspace', env = {}, resources = {} } = spec;
    const memoryMiB = resources.memoryMiB ?? this.#options.memoryMiB ?? DEFAULT_MEMORY_MIB;
    const diskBytes = (resources.diskMiB ?? this.#options.diskMiB ?? DEFAULT_DISK_MIB) * MIB;
    const id = `just-bash-${randomUUID()}`;
    const thread = new SimulatedThread({
      sandboxId: id,
      data: { workdir, env, diskBytes },
      memoryMiB,
      onGone: () => {
        lifetime.close();
        this.#live.delete(live);
      },
    });
    const live: Live = { id, tags: { ...tags }, thread };
    this.#live.add(live);
    const lifetime = new LifetimeTimer(lifetimeMs, () => void thread.end('its lifetime is over'));
    try {
      await untilAborted(thread.ready, { signal });
      this.#assertOpen();
    } catch (error) {
      await thread.end('it was never ready');
      throw error;
    }
    return completeSandbox(
      new JustBashSandbox({ id, workdir, thread, maxInputBytes: diskBytes + MIB }),
    );
  }

  async list(tags: Readonly<Record<string, string>>): Promise<readonly FoundSandbox[]> {
    return [...this.#live]
      .filter((live) => includesTags(live.tags, tags))
      .map(({ id, tags: own, thread }) => ({
        id,
        tags: own,
        terminate: () => thread.end('it was terminated'),
      }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#live].map(({ thread }) => thread.end('its backend was closed')));
  }

  #assertOpen(): void {
    if (!this.#isClosed) return;
    throw new LachesisError('failed_precondition', 'The just-bash backend is closed.', {
      reason: 'BACKEND_CLOSED',
    });
  }
}

/** Looks for the package without loading it here: only the threads need it. */
function assertInstalled(): Promise<string> {
  return optionalPackage('just-bash@3.4.2', 'just-bash', async () =>
    createRequire(import.meta.url).resolve('just-bash'),
  );
}

function checkJustBashSpec(spec: SandboxSpec): void {
  checkSpec(spec);
  const { image, network = 'none', resources = {}, providerOptions = {} } = spec;
  const refuse = (field: string, what: string): never => {
    throw invalidInput(`sandbox.${field}`, `${what} can't be given by the \`just-bash\` backend.`, {
      remedy: 'Leave it out, or use `bubblewrap`, `docker` or `modal`.',
    });
  };
  if (image !== undefined) refuse('image', 'An image');
  if (network !== 'none') refuse('network', 'Anything but `none`');
  for (const name of ['cpus', 'pids'] as const) {
    if (resources[name] !== undefined) refuse(`resources.${name}`, 'This limit');
  }
  const [setting] = Object.keys(providerOptions);
  if (setting !== undefined) refuse(`providerOptions.${setting}`, 'A setting');
}
