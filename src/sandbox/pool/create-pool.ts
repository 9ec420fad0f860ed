import { onAbort, startDeadline, untilAborted } from '../../async/index.ts';
import { invalidInput, LachesisError } from '../../errors.ts';
import type { SandboxBackend } from '../contract/backend.ts';
import { checkSpec } from '../contract/check.ts';
import type { SandboxSpec } from '../contract/spec.ts';
import { Draining } from './drain.ts';
import { ExtraLeases } from './extra-leases.ts';
import type { AcquireRequest, SandboxLease } from './lease.ts';
import { nextWakeMs } from './next-wake.ts';
import { type PoolSettings, resolvePoolOptions, type SandboxPoolOptions } from './options.ts';
import { OwnTurn } from './own-turn.ts';
import { type Plan, type PlanKey, planPool } from './plan.ts';
import type { DrainReport, PoolStats, SandboxPool } from './pool.ts';
import type { PoolLease } from './pool-lease.ts';
import { acquireTimeout, isPermanent, noExtras, poolClosed, queueFull } from './refusals.ts';
import { FRESH_MS } from './sandbox-maker.ts';
import type { KeyState, Slot, Waiter } from './slot.ts';
import { SlotKeeper, type Tenant } from './slot-keeper.ts';
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
  readonly #waiters: WaitList;
  readonly #extras: ExtraLeases;
  #arrivals = 0;
  /** When it last was the turn of who has waited longest. */
  #turnMs = -Infinity;
  #isPumping = false;
  #plannedMs = 0;
  #mustPump = false;
  #callOffWake: (() => void) | undefined;
  readonly #refillTurn: OwnTurn;
  #isRefillTurn = false;
  #draining: Draining | undefined;

  constructor(settings: PoolSettings) {
    this.backend = settings.backend;
    this.#settings = settings;
    this.#keeper = new SlotKeeper(settings, () => this.#pump());
    this.#waiters = new WaitList((key) => this.#keeper.tellCounts(key));
    this.#extras = new ExtraLeases(settings, this.#keeper);
    this.#refillTurn = new OwnTurn(settings.clock, () => this.#refill());
  }

  async acquire(spec: SandboxSpec, request: AcquireRequest): Promise<SandboxLease> {
    const { timeoutMs = DEFAULT_TIMEOUT_MS, signal } = request;
    const { clock, observer } = this.#settings;
    const { owner, holdMs } = this.#checked(spec, request);
    signal?.throwIfAborted();
    const key = this.#keeper.keyOf(spec);
    using deadline = startDeadline({
      timeoutMs,
      clock,
      signal,
      reason: () => acquireTimeout(timeoutMs, key.breaker.lastError),
    });
    try {
      const tenant = { owner, holdMs, sinceMs: clock.now() };
      const coming = this.#wait(key, tenant, deadline.signal, request.extra === true);
      return await untilAborted(coming, {
        signal: deadline,
        onLate: (late) => void late.release(),
      });
    } catch (error) {
      const reason = error instanceof LachesisError ? error.reason : 'ABORTED';
      observer.refused({ key: key.key, reason });
      throw error;
    } finally {
      this.#keeper.forgetUnused();
    }
  }

  keepWarm(spec: SandboxSpec, count: number): void {
    checkSpec(spec);
    if (!(Number.isInteger(count) && count >= 0)) {
      throw invalidInput('keepWarm.count', `is ${count}; a whole number is needed.`);
    }
    if (this.#keeper.closing.signal.aborted) throw poolClosed();
    this.#keeper.keyOf(spec).minIdle = count;
    this.#pump();
  }

  stats(): PoolStats {
    return poolStats(this.#keeper.keys.values());
  }

  async drain({ graceMs = 10_000 }: { readonly graceMs?: number } = {}): Promise<DrainReport> {
    if (!(graceMs >= 0)) {
      throw invalidInput('drain.graceMs', `is ${graceMs}; at least 0 is needed.`);
    }
    this.#callOffWake?.();
    this.#refillTurn.callOff();
    this.#draining ??= new Draining(this.#keeper, this.#settings.clock);
    this.#waiters.rejectAll(poolClosed);
    this.#extras.waiters.rejectAll(poolClosed);
    this.#draining.allow(graceMs);
    return await this.#draining.report;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain({ graceMs: 0 });
  }

  #checked(spec: SandboxSpec, request: AcquireRequest): { owner: string; holdMs: number } {
    const { lifetimeMs } = this.#settings;
    const { timeoutMs, owner, holdMs = Math.min(DEFAULT_HOLD_MS, lifetimeMs) } = request;
    checkSpec(spec);
    if (timeoutMs !== undefined && !(timeoutMs >= 0)) {
      throw invalidInput('acquire.timeoutMs', `is ${timeoutMs}; at least 0 is needed.`);
    }
    if (!(holdMs > 0 && holdMs <= lifetimeMs)) {
      throw invalidInput('acquire.holdMs', `is ${holdMs}; sandboxes live for ${lifetimeMs} ms.`);
    }
    return { owner, holdMs };
  }

  async #wait(
    key: KeyState,
    tenant: Tenant,
    signal: AbortSignal,
    isExtra: boolean,
  ): Promise<PoolLease> {
    const { maxWaiting, maxExtra } = this.#settings;
    if (this.#keeper.closing.signal.aborted) throw poolClosed();
    if (isExtra && maxExtra === 0) throw noExtras();
    const list = isExtra ? this.#extras.waiters : this.#waiters;
    if (list.length >= maxWaiting) throw queueFull(maxWaiting);
    const { promise, resolve, reject } = Promise.withResolvers<PoolLease>();
    const waiter: Waiter = {
      ...{ key, ...tenant, resolve, reject, signal },
      number: this.#arrivals++,
    };
    list.add(waiter);
    const callOff = onAbort(signal, () => {
      list.remove(waiter);
      this.#pump();
    });
    this.#pump();
    try {
      return await promise;
    } finally {
      callOff();
    }
  }

  /** Lets waiters and sandboxes find each other until nothing more can be done now. */
  #pump(): void {
    this.#mustPump = true;
    if (this.#isPumping) return;
    this.#isPumping = true;
    while (this.#mustPump && !this.#keeper.closing.signal.aborted) {
      this.#mustPump = false;
      this.#carryOut(this.#plan());
      this.#extras.begin(() => this.#pump());
      // Last, so that one that was just made is whose it was made for, however short idle ones are kept.
      this.#keeper.dropStale();
    }
    this.#isPumping = false;
    this.#keeper.forgetUnused();
    this.#setWake();
  }

  #refill(): void {
    this.#isRefillTurn = true;
    this.#pump();
    this.#isRefillTurn = false;
  }

  #setWake(): void {
    this.#callOffWake?.();
    this.#callOffWake = undefined;
    if (this.#keeper.closing.signal.aborted) return;
    const { keys } = this.#keeper;
    const { clock } = this.#settings;
    const inMs = nextWakeMs(this.#settings, keys.values(), this.#plannedMs);
    if (inMs === undefined) return;
    const leftMs = Math.max(0, this.#plannedMs + inMs - clock.now());
    this.#callOffWake = clock.schedule(leftMs, () => this.#pump());
  }

  #plan(): Plan {
    const { maxTotal, maxPerKey, fairnessMs, clock } = this.#settings;
    const nowMs = clock.now();
    this.#plannedMs = nowMs;
    // Extra sandboxes are beyond the limits, and no waiter's to have.
    const keys = Array.from(this.#keeper.keys.values(), (state): PlanKey & { closing: number } => {
      const { key, idle, creating, closing, total, minIdle, breaker, extra } = state;
      return {
        ...{ key, minIdle, idle: idle.length },
        creating: creating - extra.creating,
        closing: closing - extra.closing,
        total: total - extra.total,
        mayCreate: breaker.allowed(nowMs, creating),
      };
    });
    return planPool({
      ...{ maxTotal, maxPerKey, fairnessMs, keys },
      isTurnDue: nowMs - this.#turnMs >= fairnessMs,
      total: keys.reduce((sum, { total }) => sum + total, 0),
      closing: keys.reduce((sum, { closing }) => sum + closing, 0),
      waiters: Array.from(this.#waiters, ({ key, sinceMs }) => ({
        key: key.key,
        waitedMs: nowMs - sinceMs,
      })),
    });
  }

  #carryOut({ grants, creates, refills, evictions, usesTurn }: Plan): void {
    if (usesTurn) this.#turnMs = this.#settings.clock.now();
    const waiters = [...this.#waiters];
    for (const at of grants) {
      const waiter = waiters[at];
      if (waiter !== undefined) this.#grant(waiter);
    }
    for (const name of evictions) {
      const slot = this.#keeper.keys.get(name)?.idle[0];
      if (slot !== undefined) void this.#keeper.destroy(slot, 'evicted');
    }
    // To begin one holds everybody up for milliseconds, so those that nobody waits for come one in a turn.
    const begun = this.#isRefillTurn ? refills.slice(0, 1) : [];
    this.#isRefillTurn = false;
    if (refills.length > begun.length) this.#refillTurn.ask();
    for (const name of [...creates, ...begun]) {
      const key = this.#keeper.keys.get(name);
      if (key !== undefined) void this.#create(key);
    }
  }

  async #create(key: KeyState): Promise<void> {
    try {
      await this.#keeper.create(key);
    } catch (error) {
      if (isPermanent(error)) {
        key.minIdle = 0;
        this.#waiters.rejectAll(() => error, key);
      }
      this.#pump();
    }
  }

  #grant(waiter: Waiter): void {
    const nowMs = this.#settings.clock.now();
    // The last one in was seen to work last; the others may grow old and go.
    const slot = waiter.key.idle.findLast((each) => this.#lastsFor(each, waiter.holdMs, nowMs));
    if (slot === undefined) {
      const [oldest] = waiter.key.idle;
      if (oldest !== undefined) void this.#keeper.destroy(oldest, 'too_old');
      this.#mustPump = true;
      return;
    }
    this.#waiters.remove(waiter);
    if (nowMs - slot.checkedMs < HEALTHY_FOR_MS) {
      waiter.resolve(this.#keeper.lease(slot, waiter));
    } else {
      this.#keeper.hold(slot);
      void this.#leaseChecked(slot, waiter);
    }
  }

  #lastsFor({ uses, bornMs }: Slot, holdMs: number, nowMs: number): boolean {
    const ageMs = nowMs - bornMs;
    return ageMs + holdMs <= this.#settings.lifetimeMs || (uses === 0 && ageMs < FRESH_MS);
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
