import { Limiter, sleep, startDeadline, untilAborted } from '../../async/index.ts';
import { errorMessage, LachesisError } from '../../errors.ts';
import type { Sandbox } from '../contract/sandbox.ts';
import { outputText } from '../exec/output-text.ts';
import type { DestroyReason } from './observer.ts';
import type { PoolSettings } from './options.ts';
import { KEY_TAG, ownerTags } from './owner-tags.ts';
import { healthCommand, resetSandbox, takeBaseline } from './reset.ts';
import type { KeyState } from './slot.ts';

/** A lease is taken back when it is held this long after it should have ended. */
export const LEAK_GRACE_MS = 60_000;
/** So old may one be that nobody used, and still be leased for all of its lifetime. */
export const FRESH_MS = 60_000;
const RESET_TIMEOUT_MS = 60_000;
const DESTROY_TIMEOUT_MS = 30_000;
const DESTROY_TRIES = 3;
const DESTROY_PAUSE_MS = 1_000;
const MAX_DESTROYING = 32;
/** A `create` that was given up and never ends counts no longer than this. */
const LATE_TIMEOUT_MS = 30_000;

/** A sandbox, and what a reset must bring it back to; undefined where it is used only once. */
export interface Made {
  readonly sandbox: Sandbox;
  readonly baseline: string | undefined;
}

/** What could not be ended. */
export interface Survivor {
  /** Empty where it is not known. */
  readonly id: string;
  readonly error: string;
}

/** Makes, looks after and ends the sandboxes of a pool, each step within its time. */
export class SandboxMaker {
  readonly #settings: PoolSettings;
  readonly #destroying = new Limiter(MAX_DESTROYING);

  constructor(settings: PoolSettings) {
    this.#settings = settings;
  }

  /**
   * `onGivenUp` is handed what is still to be waited for when `create` rejects: a place is not free before a
   * late sandbox is gone.
   */
  async create(
    key: KeyState,
    signal: AbortSignal,
    onGivenUp: (gone: Promise<Survivor | undefined>) => void,
  ): Promise<Made> {
    const { createTimeoutMs, maxUses, observer, clock } = this.#settings;
    const startedMs = clock.now();
    using deadline = this.#deadline(createTimeoutMs, 'SANDBOX_CREATE_TIMEOUT', 'make', signal);
    const creating = this.#begin(key, deadline.signal);
    let sandbox: Sandbox;
    try {
      sandbox = await untilAborted(creating, { signal: deadline });
    } catch (error) {
      if (deadline.aborted) onGivenUp(this.#endLate(key, creating));
      throw error;
    }
    let baseline: string | undefined;
    try {
      if (maxUses > 1) {
        baseline = await untilAborted(takeBaseline(sandbox, deadline.signal), { signal: deadline });
      }
    } catch (error) {
      onGivenUp(this.destroy(key, sandbox, 'unhealthy', errorMessage(error)));
      throw error;
    }
    const durationMs = clock.now() - startedMs;
    observer.created({ key: key.key, id: sandbox.id, durationMs });
    return { sandbox, baseline };
  }

  /** Asks the sandbox itself, whatever its provider says of it. Never rejects. */
  async isHealthy({ sandbox, baseline }: Made, signal: AbortSignal): Promise<boolean> {
    const { healthTimeoutMs: timeoutMs } = this.#settings;
    using deadline = this.#deadline(timeoutMs, 'SANDBOX_HEALTH_TIMEOUT', 'look at', signal);
    const { command, expected } = healthCommand(baseline);
    const options = { signal: deadline.signal, timeoutMs: Infinity };
    try {
      const result = await untilAborted(sandbox.exec(command, options), { signal: deadline });
      return result.exitCode === 0 && outputText(result.stdout).trim() === expected;
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
    const { clock, observer } = this.#settings;
    const startedMs = clock.now();
    using deadline = this.#deadline(RESET_TIMEOUT_MS, 'SANDBOX_RESET_TIMEOUT', 'reset', signal);
    await untilAborted(resetSandbox(sandbox, baseline, deadline.signal), { signal: deadline });
    observer.reset({ key: key.key, id: sandbox.id, durationMs: clock.now() - startedMs });
  }

  /** Never rejects; what could not be destroyed is told to the observer, and returned. */
  async destroy(
    key: KeyState,
    sandbox: Sandbox,
    reason: DestroyReason,
    detail = '',
  ): Promise<Survivor | undefined> {
    const { observer } = this.#settings;
    using place = await this.#destroying.acquire(new AbortController().signal);
    void place;
    const { id } = sandbox;
    try {
      await this.#terminate(sandbox);
      observer.destroyed({ key: key.key, id, reason, detail });
      return undefined;
    } catch (error) {
      observer.survived({ key: key.key, id, error });
      return { id, error: errorMessage(error) };
    }
  }

  async #begin({ key, spec }: KeyState, signal: AbortSignal): Promise<Sandbox> {
    const { backend, createTimeoutMs, lifetimeMs, tags } = this.#settings;
    // The provider counts from when it was asked, and must never end one that is still in use.
    const lastsMs = createTimeoutMs + FRESH_MS + lifetimeMs + LEAK_GRACE_MS;
    return await backend.create(spec, {
      tags: { ...tags, ...ownerTags(lastsMs), [KEY_TAG]: key },
      ...(lastsMs === Infinity ? {} : { lifetimeMs: lastsMs }),
      signal,
    });
  }

  /** Ends what a `create` that was given up still brings. */
  async #endLate(key: KeyState, creating: Promise<Sandbox>): Promise<Survivor | undefined> {
    using patience = this.#deadline(LATE_TIMEOUT_MS, 'SANDBOX_CREATE_STUCK', 'give up making');
    const end = (late: Sandbox) => this.destroy(key, late, 'late');
    try {
      const late = await untilAborted(creating, {
        signal: patience,
        onLate: (later) => void end(later),
      });
      return await end(late);
    } catch (error) {
      // It rejected: there is nothing to end.
      if (!patience.aborted) return undefined;
      this.#settings.observer.survived({ key: key.key, id: '', error });
      return { id: '', error: errorMessage(error) };
    }
  }

  async #terminate(sandbox: Sandbox): Promise<void> {
    const { clock } = this.#settings;
    using deadline = this.#deadline(DESTROY_TIMEOUT_MS, 'SANDBOX_DESTROY_TIMEOUT', 'end');
    for (let tries = 1; ; tries++) {
      try {
        await untilAborted((async () => sandbox.terminate())(), { signal: deadline });
        return;
      } catch (error) {
        if (deadline.aborted || tries === DESTROY_TRIES) throw error;
        await sleep(DESTROY_PAUSE_MS, { clock, signal: deadline.signal });
      }
    }
  }

  #deadline(timeoutMs: number, reason: string, what: string, signal?: AbortSignal) {
    return startDeadline({
      timeoutMs,
      clock: this.#settings.clock,
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
