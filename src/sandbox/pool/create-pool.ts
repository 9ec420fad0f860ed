import { startDeadline, untilAborted } from '../../async/index.ts';
import { invalidInput, LachesisError } from '../../errors.ts';
import type { SandboxBackend } from '../contract/backend.ts';
import { checkSpec } from '../contract/check.ts';
import type { SandboxSpec } from '../contract/spec.ts';
import { drainPool } from './drain.ts';
import type { AcquireRequest, SandboxLease } from './lease.ts';
import { nextWakeMs } from './next-wake.ts';
import { type PoolSettings, resolvePoolOptions, type SandboxPoolOptions } from './options.ts';
import { type Plan, planPool } from './plan.ts';
import type { DrainReport, PoolStats, SandboxPool } from './pool.ts';
import type { PoolLease } from './pool-lease.ts';
import { acquireTimeout, poolClosed, queueFull } from './refusals.ts';
import type { KeyState, Slot, Waiter } from './slot.ts';
import { SlotKeeper } from './slot-keeper.ts';
import { poolStats } from './stats.ts';
import { WaitList } from './wait-list.ts';

const DEFAULT_TIMEOUT_MS = 60_000;
const DEFAULT_HOLD_MS = 900_000;
/** One that was seen to work so lately is not asked again. */
const HEALTHY_FOR_MS = 5_000;

/** Opens a pool over a backend. Whoever opens it drains it, or disposes of it, before the backend. */
export function createSandboxPool(options: SandboxPoolOptions): SandboxPool {
  return new KeyedPool(resolvePoolOptions(options));
}

class KeyedPool implements SandboxPool {
  readonly backend: SandboxBackend;
  readonly #settings: PoolSettings;
  readonly #keeper: SlotKeeper;
  readonly #waiters = new WaitList();
  #arrivals = 0;
  #isPumping = false;
  #mustPump = false;
  #callOffWake: (() => void) | undefined;
  #drained: Promise<DrainReport> | undefined;

  constructor(settings: PoolSettings) {
    this.backend = settings.backend;
    this.#settings = settings;
    this.#keeper = new SlotKeeper(settings, () => this.#pump());
  }

  async acquire(spec: SandboxSpec, request: AcquireRequest): Promise<SandboxLease> {
    const { timeoutMs = DEFAULT_TIMEOUT_MS, holdMs = DEFAULT_HOLD_MS, signal } = request;
    const { clock, lifetimeMs, observer } = this.#settings;
    checkSpec(spec);
    if (!(timeoutMs >= 0)) {
      throw invalidInput('acquire.timeoutMs', `is ${timeoutMs}; at least 0 is needed.`);
    }
    if (!(holdMs > 0 && holdMs <= lifetimeMs)) {
      throw invalidInput('acquire.holdMs', `is ${holdMs}; sandboxes live for ${lifetimeMs} ms.`);
    }
    signal?.throwIfAborted();
    const key = this.#keeper.keyOf(spec);
    using deadline = startDeadline({
      timeoutMs,
      clock,
      signal,
      reason: () => acquireTimeout(timeoutMs, key.breaker.lastError),
    });
    try {
      if (this.#keeper.closing.signal.aborted) throw poolClosed();
      const tenant = { owner: request.owner, holdMs, sinceMs: clock.now() };
      const coming =
        request.extra === true
          ? this.#extra(key, tenant)
          : this.#wait(key, tenant, deadline.signal);
      return await untilAborted(coming, {
        signal: deadline,
        onLate: (late) => void late.release(),
      });
    } catch (error) {
      const reason = error instanceof LachesisError ? error.reason : 'ABORTED';
      observer.refused?.({ key: key.key, reason });
      throw error;
    } finally {
      this.#keeper.forgetUnused(key);
    }
  }

  keepWarm(spec: SandboxSpec, count: number): void {
    checkSpec(spec);
    if (!(Number.isInteger(count) && count >= 0)) {
      throw invalidInput('keepWarm.count', `is ${count}; a whole number is needed.`);
    }
    const key = this.#keeper.keyOf(spec);
    key.minIdle = count;
    this.#pump();
    this.#keeper.forgetUnused(key);
  }

  stats(): PoolStats {
    return poolStats(this.#keeper.keys.values());
  }

  drain({ graceMs = 10_000 }: { readonly graceMs?: number } = {}): Promise<DrainReport> {
    this.#callOffWake?.();
    this.#waiters.rejectAll(poolClosed);
    this.#drained ??= drainPool(this.#keeper, graceMs, this.#settings.clock);
    return this.#drained;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain({ graceMs: 0 });
  }

  async #extra(
    key: KeyState,
    tenant: { readonly owner: string; readonly holdMs: number; readonly sinceMs: number },
  ): Promise<PoolLease> {
    const { maxExtra } = this.#settings;
    if (this.#keeper.extras >= maxExtra) throw queueFull(maxExtra);
    return await this.#keeper.createExtra(key, tenant);
  }

  async #wait(
    key: KeyState,
    tenant: { readonly owner: string; readonly holdMs: number; readonly sinceMs: number },
    signal: AbortSignal,
  ): Promise<PoolLease> {
    const { maxWaiting } = this.#settings;
    if (this.#waiters.length >= maxWaiting) throw queueFull(maxWaiting);
    const { promise, resolve, reject } = Promise.withResolvers<PoolLease>();
    const waiter: Waiter = {
      ...{ key, ...tenant, resolve, reject, signal },
      number: this.#arrivals++,
    };
    this.#waiters.add(waiter);
    const leave = (): void => {
      this.#waiters.remove(waiter);
      this.#pump();
    };
    signal.addEventListener('abort', leave, { once: true });
    this.#pump();
    try {
      return await promise;
    } finally {
      signal.removeEventListener('abort', leave);
    }
  }

  /** Lets waiters and sandboxes find each other until nothing more can be done now. */
  #pump(): void {
    this.#mustPump = true;
    if (this.#isPumping) return;
    this.#isPumping = true;
    while (this.#mustPump && !this.#keeper.closing.signal.aborted) {
      this.#mustPump = false;
      this.#keeper.dropStale();
      this.#carryOut(this.#plan());
    }
    this.#isPumping = false;
    this.#setWake();
  }

  #setWake(): void {
    this.#callOffWake?.();
    this.#callOffWake = undefined;
    if (this.#keeper.closing.signal.aborted) return;
    const { keys } = this.#keeper;
    const inMs = nextWakeMs(this.#settings, keys.values(), this.#waiters);
    if (inMs === undefined) return;
    this.#callOffWake = this.#settings.clock.schedule(inMs, () => this.#pump());
  }

  #plan(): Plan {
    const { maxTotal, maxPerKey, fairnessMs, clock } = this.#settings;
    const nowMs = clock.now();
    const keys = [...this.#keeper.keys.values()];
    const sum = (of: (key: KeyState) => number): number =>
      keys.reduce((all, key) => all + of(key), 0);
    return planPool({
      ...{ maxTotal, maxPerKey, fairnessMs },
      total: sum(({ total }) => total) - this.#keeper.extras,
      closing: sum(({ closing }) => closing),
      keys: keys.map(({ key, idle, creating, total, minIdle, breaker }) => ({
        ...{ key, creating, total, minIdle, idle: idle.length },
        mayCreate: breaker.allowed(nowMs, creating),
      })),
      waiters: Array.from(this.#waiters, ({ key, sinceMs }) => ({
        key: key.key,
        waitedMs: nowMs - sinceMs,
      })),
    });
  }

  #carryOut({ grants, creates, evictions }: Plan): void {
    const waiters = [...this.#waiters];
    for (const at of grants) {
      const waiter = waiters[at];
      if (waiter !== undefined) this.#grant(waiter);
    }
    for (const name of evictions) {
      const slot = this.#keeper.keys.get(name)?.idle[0];
      if (slot !== undefined) void this.#keeper.destroy(slot, 'evicted');
    }
    for (const name of creates) {
      const key = this.#keeper.keys.get(name);
      if (key !== undefined) void this.#create(key);
    }
  }

  async #create(key: KeyState): Promise<void> {
    try {
      await this.#keeper.create(key);
    } catch (error) {
      if (error instanceof LachesisError && error.kind === 'invalid_input') {
        // It will never be made, however long anybody waits.
        key.minIdle = 0;
        this.#waiters.rejectAll(() => error, key);
      }
      this.#pump();
    }
  }

  #grant(waiter: Waiter): void {
    const { clock, lifetimeMs } = this.#settings;
    const slot = waiter.key.idle[0];
    if (slot === undefined) return;
    const ageMs = clock.now() - slot.bornMs;
    // A fresh one is as good as it gets; the provider's own limit lies a margin beyond.
    if (slot.uses + ageMs > 0 && ageMs + waiter.holdMs > lifetimeMs) {
      void this.#keeper.destroy(slot, 'too_old');
      this.#mustPump = true;
      return;
    }
    this.#waiters.remove(waiter);
    if (clock.now() - slot.checkedMs < HEALTHY_FOR_MS) {
      waiter.resolve(this.#keeper.lease(slot, waiter));
    } else {
      this.#keeper.hold(slot);
      void this.#leaseChecked(slot, waiter);
    }
  }

  async #leaseChecked(slot: Slot, waiter: Waiter): Promise<void> {
    const isHealthy = await this.#keeper.isHealthy(slot);
    if (this.#keeper.closing.signal.aborted) {
      waiter.reject(poolClosed());
      await this.#keeper.destroy(slot, 'drained');
    } else if (!isHealthy) {
      if (!waiter.signal.aborted) this.#waiters.add(waiter);
      await this.#keeper.destroy(slot, 'unhealthy');
    } else {
      slot.checkedMs = this.#settings.clock.now();
      if (waiter.signal.aborted) this.#keeper.toIdle(slot);
      else waiter.resolve(this.#keeper.lease(slot, waiter));
    }
  }
}
