import type { SandboxUse } from '../../contract/index.ts';
import { errorMessage, LachesisError } from '../../errors.ts';
import {
  type AcquireRequest,
  isAtLeast,
  minimumIsolation,
  openRolloutSandbox,
  type RolloutSandbox,
  type SandboxLease,
  type SandboxPool,
  type SandboxSpec,
  watchLease,
} from '../../sandbox/index.ts';
import { noSandbox } from '../../tools/index.ts';
import { checkRequirement } from '../check-sandbox.ts';
import type { HostedEnvironment, SandboxRequirement } from '../environment.ts';
import { callHook } from './hooks.ts';
import type { RolloutIdentity } from './options.ts';
import { rewardTimeoutOf } from './reward-timeout.ts';

/** For setup's and teardown's own grace, and for what ends slowly. */
const HOLD_MARGIN_MS = 60_000;
const LEAST_WAIT_MS = 60_000;
/** Give or take, what a timer can hold. */
const MOST_HOLD_MS = 2_000_000_000;

/** How long a rollout may take, and when it ends early. */
export interface EpisodeTime {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

interface Opened {
  readonly pool: SandboxPool | undefined;
  readonly spec: SandboxSpec;
  readonly request: AcquireRequest;
  readonly given: Given | undefined;
  readonly gone: AbortController;
}

/** A lease, and what a rollout has of it. */
interface Given {
  readonly lease: SandboxLease;
  readonly own: OpenedSandbox;
}

type OpenedSandbox = RolloutSandbox & AsyncDisposable;

/** The sandboxes of one episode: its own, and those that its reward opens. Its owner gives them back. */
export class EpisodeSandboxes implements AsyncDisposable {
  /** {@link noSandbox} when the environment asks for none. */
  readonly own: RolloutSandbox;
  /** Of its own one, for the provenance. */
  readonly use: SandboxUse | undefined;
  readonly #given: Given[];
  readonly #pool: SandboxPool | undefined;
  readonly #spec: SandboxSpec;
  readonly #request: AcquireRequest;
  readonly #gone: AbortController;
  #isOver = false;

  private constructor({ pool, spec, request, given, gone }: Opened) {
    this.own = given?.own ?? noSandbox;
    this.use = given === undefined ? undefined : useOf(given.lease);
    this.#given = given === undefined ? [] : [given];
    this.#pool = pool;
    this.#spec = spec;
    this.#request = request;
    this.#gone = gone;
  }

  /** Leases the episode's own sandbox. What fails is typed: a pool's fault is no environment's. */
  static async open(
    environment: HostedEnvironment,
    { rolloutId: owner, task }: RolloutIdentity,
    { timeoutMs, signal }: EpisodeTime,
  ): Promise<EpisodeSandboxes> {
    const { definition, settings, sandboxes: pool, commandTimeoutMs } = environment;
    const { sandbox } = definition;
    const request: AcquireRequest = {
      owner,
      // Those before it may take as long as it may itself; the rest of its time is for playing.
      timeoutMs: Math.max(LEAST_WAIT_MS, timeoutMs / 2),
      holdMs: Math.min(MOST_HOLD_MS, timeoutMs + rewardTimeoutOf(definition) + HOLD_MARGIN_MS),
    };
    const gone = new AbortController();
    if (sandbox === undefined) {
      return new EpisodeSandboxes({ pool, spec: {}, request, given: undefined, gone });
    }
    if (pool === undefined) throw noPool(environment.name);
    const requirement =
      typeof sandbox === 'function'
        ? await callHook(() => sandbox(task, { settings, backend: pool.backend }), { signal })
        : sandbox;
    assertSensible(requirement);
    assertIsolated(requirement, environment, pool);
    const { minimumIsolation: _, ...spec } = requirement;
    const given = await acquire(pool, spec, { ...request, signal }, { gone, commandTimeoutMs });
    return new EpisodeSandboxes({ pool, spec, request, given, gone });
  }

  /**
   * Why one of them is no more; undefined as far as anybody was told. What was played or scored since is worth
   * nothing, also where a tool or a reward kept the error to itself.
   */
  get gone(): LachesisError | undefined {
    return this.#gone.signal.reason;
  }

  /** A signal that fires with `signal`, and when one of them is gone. */
  whileThere(signal: AbortSignal): AbortSignal {
    return this.use === undefined ? signal : AbortSignal.any([signal, this.#gone.signal]);
  }

  /** Leases one more, which nobody used before a reward had it. */
  async openFresh(spec: SandboxSpec | undefined, signal: AbortSignal): Promise<RolloutSandbox> {
    if (this.#pool === undefined) return noSandbox;
    const request = {
      ...this.#request,
      owner: `${this.#request.owner} (verifier)`,
      extra: true,
    };
    const given = await acquire(
      this.#pool,
      spec ?? this.#spec,
      { ...request, signal },
      { gone: this.#gone },
    );
    // A reward that was given up while it waited has no use for it.
    if (this.#isOver) await giveBack(given);
    else this.#given.push(given);
    return given.own;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#given.splice(0).map(giveBack));
  }
}

/** Never rejects: what can't be given back the pool has taken out of use, and told its observer. */
async function giveBack({ lease, own }: Given): Promise<void> {
  await Promise.allSettled([own[Symbol.asyncDispose]()]);
  await Promise.allSettled([lease.release()]);
}

function useOf({ backend, id, earlierUses }: SandboxLease): SandboxUse {
  return { backend, id, earlierUses };
}

async function acquire(
  pool: SandboxPool,
  spec: SandboxSpec,
  request: AcquireRequest & { readonly signal: AbortSignal },
  {
    gone,
    commandTimeoutMs,
  }: { readonly gone: AbortController; readonly commandTimeoutMs?: number | undefined },
): Promise<Given> {
  let lease: SandboxLease | undefined;
  try {
    const shell = commandTimeoutMs === undefined ? {} : { timeoutMs: commandTimeoutMs };
    // The first reason is kept.
    lease = watchLease(await pool.acquire(spec, request), (error) => gone.abort(error));
    return { lease, own: openRolloutSandbox(lease, { shell }) };
  } catch (error) {
    await lease?.release();
    if (request.signal.aborted) throw error;
    const what = 'No sandbox could be had';
    if (error instanceof LachesisError && error.kind === 'invalid_input') {
      throw asEnvironments(error, what);
    }
    const reason = error instanceof LachesisError ? error.reason : 'SANDBOX_FAULT';
    throw new LachesisError('infrastructure_error', `${what}: ${errorMessage(error)}`, {
      ...{ reason, cause: error },
    });
  }
}

/** What a function said of this task alone. */
function assertSensible(requirement: unknown): asserts requirement is SandboxRequirement {
  try {
    checkRequirement(requirement);
  } catch (error) {
    throw asEnvironments(error, 'The sandbox that the environment asks for can not be made');
  }
}

function asEnvironments(error: unknown, what: string): LachesisError {
  const { reason, field } =
    error instanceof LachesisError ? error : { reason: 'SANDBOX_SPEC', field: undefined };
  return new LachesisError('environment_error', `${what}: ${errorMessage(error)}`, {
    ...{ reason, cause: error },
    ...(field === undefined ? {} : { field }),
  });
}

/** The host's fault: elsewhere the very same rollout may be played. */
function assertIsolated(
  requirement: SandboxRequirement,
  { isolation }: HostedEnvironment,
  pool: SandboxPool,
): void {
  const minimum = minimumIsolation(requirement.minimumIsolation, isolation);
  const { name, capabilities } = pool.backend;
  if (isAtLeast(capabilities.isolation, minimum)) return;
  throw new LachesisError(
    'infrastructure_error',
    `Isolation of at least \`${minimum}\` is wanted; \`${name}\` gives \`${capabilities.isolation}\`.`,
    {
      reason: 'ISOLATION_BELOW_MINIMUM',
      remedy: 'Host it with a stronger backend (`lachesis doctor` tells which work here).',
    },
  );
}

function noPool(name: string): LachesisError {
  return new LachesisError(
    'infrastructure_error',
    `Environment \`${name}\` asks for a sandbox, and was hosted without any.`,
    {
      reason: 'NO_SANDBOX_POOL',
      remedy: 'Give `hostEnvironment` a pool: { sandboxes: createSandboxPool({ ... }) }.',
    },
  );
}
