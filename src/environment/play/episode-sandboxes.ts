import { errorMessage, LachesisError } from '../../errors.ts';
import {
  type AcquireRequest,
  isAtLeast,
  openRolloutSandbox,
  type RolloutSandbox,
  type SandboxLease,
  type SandboxPool,
  type SandboxSpec,
} from '../../sandbox/index.ts';
import { noSandbox } from '../../tools/index.ts';
import type { HostedEnvironment, SandboxRequirement } from '../environment.ts';
import { callHook } from './hooks.ts';
import type { RolloutIdentity } from './options.ts';

const DEFAULT_MINIMUM = 'namespace';

/** The sandboxes of one episode: its own, and those that its reward opens. Its owner gives them back. */
export class EpisodeSandboxes implements AsyncDisposable {
  /** {@link noSandbox} when the environment asks for none. */
  readonly own: RolloutSandbox;
  readonly #leases: SandboxLease[] = [];
  readonly #opened: AsyncDisposable[] = [];
  readonly #pool: SandboxPool | undefined;
  readonly #spec: SandboxSpec;
  readonly #owner: string;

  private constructor(options: {
    readonly pool: SandboxPool | undefined;
    readonly spec: SandboxSpec;
    readonly lease: SandboxLease | undefined;
    readonly owner: string;
  }) {
    const { lease } = options;
    this.#pool = options.pool;
    this.#spec = options.spec;
    this.#owner = options.owner;
    this.own = lease === undefined ? noSandbox : this.#opening(lease);
  }

  /** Leases the episode's own sandbox. What fails is typed: a pool's fault is no environment's. */
  static async open(
    environment: HostedEnvironment,
    { rolloutId: owner, task }: RolloutIdentity,
    signal: AbortSignal,
  ): Promise<EpisodeSandboxes> {
    const { definition, settings, sandboxes: pool } = environment;
    const { sandbox } = definition;
    if (sandbox === undefined) {
      return new EpisodeSandboxes({ pool, spec: {}, lease: undefined, owner });
    }
    if (pool === undefined) throw noPool(environment.name);
    const requirement =
      typeof sandbox === 'function'
        ? await callHook(() => sandbox(task, { settings }), { signal })
        : sandbox;
    assertIsolated(requirement, pool);
    const { minimumIsolation: _, ...spec } = requirement;
    const lease = await acquire(pool, spec, { owner }, signal);
    return new EpisodeSandboxes({ pool, spec, lease, owner });
  }

  /** Leases one more, which nobody used before a reward had it. */
  async openFresh(spec: SandboxSpec | undefined, signal: AbortSignal): Promise<RolloutSandbox> {
    if (this.#pool === undefined) return noSandbox;
    const owner = `${this.#owner} (verifier)`;
    const lease = await acquire(this.#pool, spec ?? this.#spec, { owner, extra: true }, signal);
    return this.#opening(lease);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#opened.splice(0).map((opened) => opened[Symbol.asyncDispose]()));
    await Promise.all(this.#leases.splice(0).map((lease) => lease.release()));
  }

  #opening(lease: SandboxLease): RolloutSandbox {
    this.#leases.push(lease);
    const opened = openRolloutSandbox(lease);
    this.#opened.push(opened);
    return opened;
  }
}

async function acquire(
  pool: SandboxPool,
  spec: SandboxSpec,
  request: AcquireRequest,
  signal: AbortSignal,
): Promise<SandboxLease> {
  try {
    return await pool.acquire(spec, { ...request, signal });
  } catch (error) {
    if (signal.aborted) throw error;
    const { kind, reason } =
      error instanceof LachesisError ? error : { kind: 'internal', reason: 'SANDBOX_FAULT' };
    throw new LachesisError(
      kind === 'invalid_input' ? 'environment_error' : 'infrastructure_error',
      `No sandbox could be had: ${errorMessage(error)}`,
      { reason, cause: error },
    );
  }
}

function assertIsolated(requirement: SandboxRequirement, pool: SandboxPool): void {
  const { minimumIsolation = DEFAULT_MINIMUM } = requirement;
  const { name, capabilities } = pool.backend;
  if (isAtLeast(capabilities.isolation, minimumIsolation)) return;
  throw new LachesisError(
    'environment_error',
    `The environment wants isolation of at least \`${minimumIsolation}\`; \`${name}\` gives \`${capabilities.isolation}\`.`,
    {
      reason: 'ISOLATION_BELOW_MINIMUM',
      remedy: 'Host it with a stronger backend (`lachesis doctor` tells which work here).',
    },
  );
}

function noPool(name: string): LachesisError {
  return new LachesisError(
    'environment_error',
    `Environment \`${name}\` asks for a sandbox, and was hosted without any.`,
    {
      reason: 'NO_SANDBOX_POOL',
      remedy: 'Give `hostEnvironment` a pool: { sandboxes: createSandboxPool({ ... }) }.',
    },
  );
}
