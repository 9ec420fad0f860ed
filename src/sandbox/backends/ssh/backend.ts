import { startDeadline } from '../../../async/index.ts';
import { invalidInput, LachesisError } from '../../../errors.ts';
import type {
  BackendProbe,
  FoundSandbox,
  ProbeOptions,
  SandboxBackend,
} from '../../contract/backend.ts';
import { checkSpec } from '../../contract/check.ts';
import { sandboxFault } from '../../contract/faults.ts';
import type { Sandbox } from '../../contract/sandbox.ts';
import type { CreateOptions, SandboxSpec } from '../../contract/spec.ts';
import { completeSandbox } from '../../exec/complete-sandbox.ts';
import { includesTags } from '../local/lifetime.ts';
import { probeByUse } from '../remote/probe.ts';
import { checkSshOptions } from './check-options.ts';
import { SshDialer } from './dialer.ts';
import { hostText } from './faults.ts';
import { DEFAULT_CONNECTIONS, type SshBackendOptions } from './options.ts';
import { Outside } from './outside.ts';
import { SshSandbox } from './ssh-sandbox.ts';

const DEFAULT_LIFETIME_MS = 24 * 3_600_000;
const DEFAULT_CREATE_TIMEOUT_MS = 60_000;

/**
 * Folders of their own on a host that is reached by SSH, by `ssh2`, which is loaded on first use. Nothing but
 * their names keeps them apart there: commands run as one account, with its network.
 */
export function createSshBackend(options: SshBackendOptions): SandboxBackend {
  checkSshOptions(options);
  return new SshBackend(options);
}

class SshBackend implements SandboxBackend {
  readonly name = 'ssh';
  readonly capabilities = Object.freeze({
    // The host is another machine, but its sandboxes are processes of one account beside each other.
    isolation: 'process',
    outlivesOwner: true,
    costly: false,
    networks: ['open'],
    limits: [],
    images: false,
    snapshots: false,
    liveNetwork: false,
    endpoints: false,
    realProcesses: true,
  } as const);
  readonly #options: SshBackendOptions;
  readonly #dialer: SshDialer;
  readonly #outside: Outside;
  readonly #live = new Set<SshSandbox>();
  readonly #creating = new Set<Promise<unknown>>();
  readonly #ending = new AbortController();
  #hasWarned = false;

  constructor(options: SshBackendOptions) {
    this.#options = options;
    this.#dialer = new SshDialer(options);
    this.#outside = new Outside(this.#dialer, options.folder ?? '');
  }

  probe(options: ProbeOptions): Promise<BackendProbe> {
    const host = hostText(this.#dialer.name);
    const texts = {
      detail: `${host} made a folder and ran a command in it.`,
      remedy: `See whether \`ssh\` to ${host} works from here.`,
    };
    return probeByUse(this, texts, options);
  }

  async create(spec: SandboxSpec, options: CreateOptions): Promise<Sandbox> {
    this.#ending.signal.throwIfAborted();
    options.signal.throwIfAborted();
    checkSshSpec(spec);
    const creating = this.#create(spec, options);
    this.#creating.add(creating);
    try {
      return completeSandbox(await creating);
    } finally {
      this.#creating.delete(creating);
    }
  }

  async list(
    tags: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<readonly FoundSandbox[]> {
    signal.throwIfAborted();
    const found = await this.#outside.list(signal);
    return found
      .filter((each) => includesTags(each.tags, tags))
      .map(({ id, tags }) => ({
        ...{ id, tags },
        terminate: async () => {
          const own = [...this.#live].find((each) => each.id === id);
          await (own?.terminate() ?? this.#outside.end(id));
        },
      }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort(backendClosed());
    await Promise.allSettled(this.#creating);
    const ended = await Promise.allSettled(
      [...this.#live].map((sandbox) => sandbox.end('its backend was closed')),
    );
    await this.#outside.close();
    const failed = ended.find((end) => end.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  async #create(spec: SandboxSpec, options: CreateOptions): Promise<SshSandbox> {
    const { tags = {}, lifetimeMs = Infinity } = options;
    const { folder = '', createTimeoutMs: timeoutMs = DEFAULT_CREATE_TIMEOUT_MS } = this.#options;
    const { connectionsPerSandbox: connections = DEFAULT_CONNECTIONS } = this.#options;
    const lifeMs = Math.min(lifetimeMs, this.#options.lifetimeMs ?? DEFAULT_LIFETIME_MS);
    using deadline = startDeadline({
      timeoutMs,
      signal: AbortSignal.any([options.signal, this.#ending.signal]),
      reason: () =>
        sandboxFault(
          'A sandbox could not be made',
          new Error(`it took longer than ${timeoutMs} ms`),
        ),
    });
    const sandbox = await SshSandbox.create({
      ...{ dialer: this.#dialer, folder, tags, connections, env: spec.env ?? {} },
      lifeSeconds: Math.max(1, Math.ceil(lifeMs / 1_000)),
      endFromOutside: (id) => this.#outside.end(id),
      onEnd: (ended) => this.#live.delete(ended),
      signal: deadline.signal,
    });
    this.#live.add(sandbox);
    this.#warn(sandbox.uid);
    return sandbox;
  }

  #warn(uid: number): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    const root = uid === 0 ? ', which is root there' : '';
    this.#options.onWarning?.(
      `The \`ssh\` backend keeps nothing apart: commands of all sandboxes run as ${hostText(this.#dialer.name)}${root}, with the host's files and network.`,
    );
  }
}

function checkSshSpec(spec: SandboxSpec): void {
  checkSpec(spec);
  const { image, workdir, network, resources = {}, providerOptions = {} } = spec;
  const refuse = (field: string, what: string): never => {
    throw invalidInput(`sandbox.${field}`, `${what} can't be given by the \`ssh\` backend.`, {
      remedy: 'Leave it out, or use another backend.',
    });
  };
  if (image !== undefined) refuse('image', 'An image');
  if (workdir !== undefined) refuse('workdir', 'A directory of your choice');
  // Left out, it is taken as this backend's only one.
  if (network !== undefined && network !== 'open') refuse('network', 'Anything but `open`');
  for (const [name, value] of Object.entries(resources)) {
    if (value !== undefined) refuse(`resources.${name}`, 'This limit');
  }
  if (Object.keys(providerOptions).length > 0) refuse('providerOptions', 'A setting');
}

function backendClosed(): LachesisError {
  return new LachesisError('failed_precondition', 'The ssh backend is closed.', {
    reason: 'BACKEND_CLOSED',
  });
}
