import { type Clock, startDeadline, untilAborted } from '../../async/index.ts';
import { LachesisError } from '../../errors.ts';
import { sandboxFault } from '../contract/faults.ts';
import type { Sandbox } from '../contract/sandbox.ts';
import type { PoolSettings } from './options.ts';
import { resetSandbox, takeBaseline } from './reset.ts';
import type { KeyState } from './slot.ts';

/** Beyond the life that the pool counts on, so that the provider never ends one that is still in use. */
const LIFETIME_MARGIN_MS = 120_000;
const RESET_TIMEOUT_MS = 60_000;
const DESTROY_TIMEOUT_MS = 30_000;

/** A sandbox, and what a reset must bring it back to; undefined where it is used only once. */
export interface Made {
  readonly sandbox: Sandbox;
  readonly baseline: string | undefined;
}

/** Makes, looks after and ends the sandboxes of a pool, each step within its time. */
export class SandboxMaker {
  readonly #settings: PoolSettings;
  readonly #clock: Clock;

  constructor(settings: PoolSettings) {
    this.#settings = settings;
    this.#clock = settings.clock;
  }

  /** One that comes after all when its time was over is destroyed. */
  async create(key: KeyState, signal: AbortSignal): Promise<Made> {
    const { backend, createTimeoutMs, lifetimeMs, maxUses, tags, observer } = this.#settings;
    const startedMs = this.#clock.now();
    using deadline = this.#deadline(createTimeoutMs, 'SANDBOX_CREATE_TIMEOUT', 'make', signal);
    const sandbox = await untilAborted(
      backend.create(key.spec, {
        tags: { ...tags, 'lachesis-key': key.key },
        ...(lifetimeMs === Infinity ? {} : { lifetimeMs: lifetimeMs + LIFETIME_MARGIN_MS }),
        signal: deadline.signal,
      }),
      { signal: deadline, onLate: (late) => void this.destroy(key, late) },
    );
    let baseline: string | undefined;
    if (maxUses > 1) {
      try {
        baseline = await untilAborted(takeBaseline(sandbox, deadline.signal), { signal: deadline });
      } catch (error) {
        void this.destroy(key, sandbox);
        throw error;
      }
    }
    observer.created?.({
      ...{ key: key.key, id: sandbox.id },
      durationMs: this.#clock.now() - startedMs,
    });
    return { sandbox, baseline };
  }

  /** Never rejects. */
  async isHealthy(sandbox: Sandbox, signal: AbortSignal): Promise<boolean> {
    const { healthTimeoutMs } = this.#settings;
    using deadline = this.#deadline(healthTimeoutMs, 'SANDBOX_HEALTH_TIMEOUT', 'look at', signal);
    try {
      const looking = sandbox.status({ signal: deadline.signal });
      return (await untilAborted(looking, { signal: deadline })) === 'running';
    } catch {
      return false;
    }
  }

  /** Rejects where there is any doubt that nothing of its last use is left. */
  async reset(
    key: KeyState,
    sandbox: Sandbox,
    baseline: string,
    signal: AbortSignal,
  ): Promise<void> {
    const startedMs = this.#clock.now();
    using deadline = this.#deadline(RESET_TIMEOUT_MS, 'SANDBOX_RESET_TIMEOUT', 'reset', signal);
    await untilAborted(resetSandbox(sandbox, baseline, deadline.signal), { signal: deadline });
    this.#settings.observer.reset?.({
      ...{ key: key.key, id: sandbox.id },
      durationMs: this.#clock.now() - startedMs,
    });
  }

  /** Never rejects; what could not be destroyed is told to the observer, and the error returned. */
  async destroy(key: KeyState, sandbox: Sandbox): Promise<LachesisError | undefined> {
    using deadline = this.#deadline(DESTROY_TIMEOUT_MS, 'SANDBOX_DESTROY_TIMEOUT', 'end');
    try {
      await untilAborted(sandbox.terminate(), { signal: deadline });
      return undefined;
    } catch (error) {
      this.#settings.observer.survived?.({ key: key.key, id: sandbox.id, error });
      return sandboxFault(`Sandbox ${sandbox.id} could not be ended`, error);
    }
  }

  #deadline(timeoutMs: number, reason: string, what: string, signal?: AbortSignal) {
    return startDeadline({
      timeoutMs,
      clock: this.#clock,
      signal,
      reason: () =>
        new LachesisError(
          'infrastructure_error',
          `The backend took longer than ${timeoutMs} ms to ${what} a sandbox.`,
          { reason },
        ),
    });
  }
}
