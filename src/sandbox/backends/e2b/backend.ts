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
import { optionalPackage } from '../remote/optional-package.ts';
import { probeByUse } from '../remote/probe.ts';
import { E2bSandbox } from './e2b-sandbox.ts';
import { e2bFault } from './faults.ts';
import type { E2bBackendOptions } from './options.ts';

const DEFAULT_LIFETIME_MS = 3_600_000;
const DEFAULT_REQUEST_TIMEOUT_MS = 60_000;
const TEXTS = {
  detail: 'E2B made a sandbox and ran a command in it.',
  remedy: 'See https://status.e2b.dev, and whether api.e2b.app can be reached.',
};

/** Sandboxes in E2B's cloud, or of any service of its protocol, by E2B's own client, loaded on first use. */
export function createE2bBackend(options: E2bBackendOptions = {}): SandboxBackend {
  return new E2bBackend(options);
}

class E2bBackend implements SandboxBackend {
  readonly name = 'e2b';
  readonly capabilities = Object.freeze({
    isolation: 'strong',
    outlivesOwner: true,
    costly: true,
    networks: ['none', 'open', 'allowlist'],
    // A template's own; none can be asked for.
    limits: [],
    images: true,
    snapshots: false,
    liveNetwork: false,
    endpoints: false,
    realProcesses: true,
  } as const);
  readonly #options: E2bBackendOptions;
  readonly #requestTimeoutMs: number;
  readonly #live = new Set<E2bSandbox>();
  #isClosed = false;

  constructor(options: E2bBackendOptions) {
    this.#options = options;
    this.#requestTimeoutMs = options.requestTimeoutMs ?? DEFAULT_REQUEST_TIMEOUT_MS;
  }

  probe(options: ProbeOptions): Promise<BackendProbe> {
    return probeByUse(this, TEXTS, options);
  }

  async create(spec: SandboxSpec, options: CreateOptions): Promise<Sandbox> {
    this.#assertOpen();
    checkE2bSpec(spec);
    const { signal } = options;
    signal.throwIfAborted();
    const sandbox = await untilAborted(this.#create(spec, options), {
      signal,
      onLate: (late) => void late.terminate().catch(() => {}),
    });
    try {
      this.#assertOpen();
      await sandbox.prepare(signal);
      return completeSandbox(sandbox);
    } catch (error) {
      await sandbox.terminate().catch(() => {});
      throw signal.aborted ? signal.reason : error;
    }
  }

  async list(
    tags: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<readonly FoundSandbox[]> {
    const { Sandbox: Client } = await load();
    const connection = this.#connection();
    const found: FoundSandbox[] = [];
    try {
      const pages = Client.list({ ...connection, query: { metadata: { ...tags } } });
      while (pages.hasNext) {
        for (const { sandboxId: id, metadata } of await pages.nextItems({ signal })) {
          const end = async () => void (await Client.kill(id, connection));
          found.push({ id, tags: metadata, terminate: end });
        }
      }
    } catch (error) {
      signal.throwIfAborted();
      throw e2bFault('The sandboxes could not be listed', error);
    }
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#live].map((sandbox) => sandbox.end('its backend was closed')));
  }

  async #create(spec: SandboxSpec, { tags = {}, lifetimeMs }: CreateOptions): Promise<E2bSandbox> {
    const { Sandbox: Client } = await load();
    const { template = 'base', workdir = '/home/user/workspace' } = this.#options;
    const { network = 'none' } = spec;
    const lifeMs = Math.min(
      lifetimeMs ?? Infinity,
      this.#options.lifetimeMs ?? DEFAULT_LIFETIME_MS,
    );
    try {
      const handle = await Client.create(spec.image ?? template, {
        ...this.#connection(),
        metadata: { ...tags },
        timeoutMs: lifeMs,
        ...(typeof network === 'object'
          ? { network: { allowOut: [...network.allow], denyOut: ['0.0.0.0/0'] } }
          : { allowInternetAccess: network === 'open' }),
      });
      const sandbox: E2bSandbox = new E2bSandbox({
        handle,
        workdir: spec.workdir ?? workdir,
        env: spec.env ?? {},
        requestTimeoutMs: this.#requestTimeoutMs,
        onEnd: () => this.#live.delete(sandbox),
      });
      this.#live.add(sandbox);
      return sandbox;
    } catch (error) {
      throw e2bFault('A sandbox could not be made', error);
    }
  }

  #connection() {
    const { apiKey, domain, apiUrl, sandboxUrl } = this.#options;
    return {
      requestTimeoutMs: this.#requestTimeoutMs,
      ...(apiKey === undefined ? {} : { apiKey }),
      ...(domain === undefined ? {} : { domain }),
      ...(apiUrl === undefined ? {} : { apiUrl }),
      ...(sandboxUrl === undefined ? {} : { sandboxUrl }),
    };
  }

  #assertOpen(): void {
    if (!this.#isClosed) return;
    throw new LachesisError('failed_precondition', 'The e2b backend is closed.', {
      reason: 'BACKEND_CLOSED',
    });
  }
}

function load() {
  return optionalPackage('e2b@2.51.0', 'e2b', () => import('e2b'));
}

function checkE2bSpec(spec: SandboxSpec): void {
  checkSpec(spec);
  for (const [name, value] of Object.entries(spec.resources ?? {})) {
    if (value === undefined) continue;
    throw invalidInput(`sandbox.resources.${name}`, "can't be asked for of the `e2b` backend.", {
      remedy: 'Build it into the template.',
    });
  }
  for (const name of Object.keys(spec.providerOptions ?? {})) {
    throw invalidInput(`sandbox.providerOptions.${name}`, 'is not known to the `e2b` backend.');
  }
}
