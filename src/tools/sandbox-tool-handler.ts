import { untilAborted } from '../async/index.ts';
import { errorMessage, LachesisError } from '../errors.ts';
import {
  type IsolationLevel,
  isAtLeast,
  openRolloutSandbox,
  type RolloutSandbox,
  type SandboxLease,
  type SandboxPool,
  type SandboxSpec,
  watchLease,
} from '../sandbox/index.ts';
import { createToolRegistry } from './registry.ts';
import type { AnyTool, ToolHandler } from './tool-handler.ts';

export interface SandboxToolHandlerOptions {
  readonly tools: readonly AnyTool[];
  /** Default: what the pool's backend makes of nothing. */
  readonly spec?: SandboxSpec;
  /** Refuses a pool below it. Default: `namespace`. */
  readonly minimumIsolation?: IsolationLevel;
  /** For a sandbox to be had. Default: 60 s. */
  readonly acquireTimeoutMs?: number;
}

/**
 * Answers tool calls in the sandboxes of a pool: each rollout is leased one at its first call, and keeps it
 * until `endRollout`. Disposed of, it gives all back.
 */
export interface SandboxToolHandler extends AsyncDisposable {
  readonly handle: ToolHandler;
  /** Gives the rollout's sandbox back. No-op for one that has none. */
  endRollout(rolloutId: string): Promise<void>;
  /** Rollouts that have one. */
  readonly rollouts: readonly string[];
}

/** The injected handler: tools see the leased sandbox as their `context.sandbox`. */
export function sandboxToolHandler(
  pool: SandboxPool,
  options: SandboxToolHandlerOptions,
): SandboxToolHandler {
  return new PooledHandler(pool, options);
}

interface Held {
  readonly lease: SandboxLease;
  readonly sandbox: RolloutSandbox & AsyncDisposable;
  /** Set when the sandbox is no more. */
  gone: LachesisError | undefined;
}

class PooledHandler implements SandboxToolHandler {
  readonly #pool: SandboxPool;
  readonly #options: SandboxToolHandlerOptions;
  readonly #callTool: ToolHandler;
  readonly #held = new Map<string, Promise<Held>>();
  readonly #closing = new AbortController();

  constructor(pool: SandboxPool, options: SandboxToolHandlerOptions) {
    const { minimumIsolation = 'namespace', tools } = options;
    const { isolation } = pool.backend.capabilities;
    if (!isAtLeast(isolation, minimumIsolation)) {
      throw new LachesisError(
        'environment_error',
        `Isolation of at least \`${minimumIsolation}\` is asked for; \`${pool.backend.name}\` gives \`${isolation}\`.`,
        {
          reason: 'ISOLATION_BELOW_MINIMUM',
          remedy: 'Use a stronger backend (`lachesis doctor` tells which work here).',
        },
      );
    }
    this.#pool = pool;
    this.#options = options;
    this.#callTool = createToolRegistry(tools).callTool;
  }

  get rollouts(): readonly string[] {
    return [...this.#held.keys()];
  }

  readonly handle: ToolHandler = async (call, context) => {
    const held = await untilAborted(this.#sandboxOf(context.rolloutId), {
      signal: context.signal,
    });
    // What else a context has is made when it is looked at.
    const sandbox = { value: held.sandbox, enumerable: true };
    const answer = await this.#callTool(call, Object.create(context, { sandbox }));
    // Also where the tool kept that to itself.
    if (held.gone !== undefined) throw held.gone;
    return answer;
  };

  async endRollout(rolloutId: string): Promise<void> {
    const held = this.#held.get(rolloutId);
    this.#held.delete(rolloutId);
    if (held === undefined) return;
    // One that could not be had is nobody's to give back.
    const had = await held.catch(() => undefined);
    if (had === undefined) return;
    await had.sandbox[Symbol.asyncDispose]();
    await had.lease.release();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(closed());
    await Promise.all(this.rollouts.map((id) => this.endRollout(id)));
  }

  #sandboxOf(rolloutId: string): Promise<Held> {
    if (this.#closing.signal.aborted) return Promise.reject(this.#closing.signal.reason);
    const had = this.#held.get(rolloutId);
    if (had !== undefined) return had;
    const held = this.#lease(rolloutId);
    this.#held.set(rolloutId, held);
    // A later call may have more luck.
    held.catch(() => {
      if (this.#held.get(rolloutId) === held) this.#held.delete(rolloutId);
    });
    return held;
  }

  async #lease(owner: string): Promise<Held> {
    const { spec = {}, acquireTimeoutMs } = this.#options;
    try {
      const acquired = await this.#pool.acquire(spec, {
        owner,
        signal: this.#closing.signal,
        ...(acquireTimeoutMs === undefined ? {} : { timeoutMs: acquireTimeoutMs }),
      });
      const lease = watchLease(acquired, (error) => {
        held.gone ??= error;
      });
      const held: Held = { lease, sandbox: openRolloutSandbox(lease), gone: undefined };
      return held;
    } catch (error) {
      const { kind, reason } =
        error instanceof LachesisError ? error : { kind: 'internal', reason: 'SANDBOX_FAULT' };
      throw new LachesisError(
        kind === 'invalid_input' ? 'environment_error' : 'infrastructure_error',
        `No sandbox could be had: ${errorMessage(error)}`,
        { reason, cause: error },
      );
    }
  }
}

function closed(): LachesisError {
  return new LachesisError('failed_precondition', 'The tool handler was disposed of.', {
    reason: 'TOOL_HANDLER_CLOSED',
  });
}
