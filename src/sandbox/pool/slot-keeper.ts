import type { SandboxSpec } from '../contract/spec.ts';
import type { DestroyReason } from './observer.ts';
import type { PoolSettings } from './options.ts';
import { poolKey } from './pool-key.ts';
import { PoolLease } from './pool-lease.ts';
import { leaseExpired, poolClosed } from './refusals.ts';
import { type Made, SandboxMaker } from './sandbox-maker.ts';
import { KeyState, type Slot } from './slot.ts';

/** A lease is taken back when it is held this long after it should have ended. */
const LEAK_GRACE_MS = 60_000;

/** For whom a sandbox is leased. */
export interface Tenant {
  readonly owner: string;
  readonly holdMs: number;
  readonly sinceMs: number;
}

/** Brings the sandboxes of a pool from one state to the next, and counts them; who gets which is not its matter. */
export class SlotKeeper {
  readonly keys = new Map<string, KeyState>();
  /** Fires when the pool drains: nothing is made or kept from then on. */
  readonly closing = new AbortController();
  readonly survivors: { readonly id: string; readonly error: string }[] = [];
  readonly slots = new Set<Slot>();
  /** Slots beyond `maxTotal`. */
  extras = 0;
  readonly #settings: PoolSettings;
  readonly #maker: SandboxMaker;
  readonly #onChange: () => void;
  /** What is under way and has to have ended before the pool has. */
  readonly #tasks = new Set<Promise<unknown>>();
  #onReturned: (() => void) | undefined;

  /** `onChange`: a sandbox is idle, or room was made. */
  constructor(settings: PoolSettings, onChange: () => void) {
    this.#settings = settings;
    this.#maker = new SandboxMaker(settings);
    this.#onChange = onChange;
  }

  keyOf(spec: SandboxSpec): KeyState {
    const { backend, random } = this.#settings;
    const name = poolKey(backend.name, spec);
    let key = this.keys.get(name);
    if (key === undefined) {
      key = new KeyState(name, structuredClone(spec), random);
      this.keys.set(name, key);
    }
    return key;
  }

  /** Keys are what callers say, so none is kept for its own sake. */
  forgetUnused(key: KeyState): void {
    if (key.isUnused && key.breaker.waitMs(this.#settings.clock.now()) === undefined) {
      this.keys.delete(key.key);
    }
  }

  /** Makes an idle one. Rejects when that failed; the key's breaker knows then. */
  async create(key: KeyState): Promise<void> {
    await this.#make(key, false);
    this.#onChange();
  }

  /** Makes one for this tenant alone, beyond what the pool may have otherwise. */
  async createExtra(key: KeyState, tenant: Tenant): Promise<PoolLease> {
    return this.lease(await this.#make(key, true), tenant);
  }

  /** Ends idle ones that are too old, or that nobody has asked for in a long time. */
  dropStale(): void {
    const { idleMs, lifetimeMs, clock } = this.#settings;
    const nowMs = clock.now();
    for (const key of this.keys.values()) {
      for (const slot of [...key.idle]) {
        if (nowMs - slot.bornMs >= lifetimeMs) void this.destroy(slot, 'too_old');
        else if (nowMs - slot.idleSinceMs >= idleMs && key.idle.length > key.minIdle) {
          void this.destroy(slot, 'idle');
        }
      }
    }
  }

  /** An idle one becomes this tenant's. */
  lease(slot: Slot, { owner, holdMs, sinceMs }: Tenant): PoolLease {
    const { clock, observer } = this.#settings;
    const { key, sandbox, uses: earlierUses } = slot;
    this.hold(slot);
    const lease = new PoolLease({
      ...{ sandbox, owner, earlierUses },
      giveBack: async () => {
        callOffLeak();
        await this.#track(this.#takeBack(slot, lease));
      },
    });
    const callOffLeak = clock.schedule(holdMs + LEAK_GRACE_MS, () => {
      observer.leaked?.({ key: key.key, id: sandbox.id, owner });
      lease.revoke(leaseExpired(lease.leaseId, holdMs));
      void this.destroy(slot, 'leaked');
    });
    slot.lease = lease;
    slot.callOffLeak = callOffLeak;
    if (earlierUses > 0) key.reused += 1;
    observer.leased?.({
      ...{ key: key.key, id: sandbox.id, owner, earlierUses },
      waitedMs: clock.now() - sinceMs,
    });
    return lease;
  }

  /** Counts it as leased, so that nobody else is given it. */
  hold(slot: Slot): void {
    if (slot.state !== 'leased') this.#enter(slot, 'leased');
  }

  isHealthy(slot: Slot): Promise<boolean> {
    return this.#track(this.#maker.isHealthy(slot.sandbox, this.closing.signal));
  }

  toIdle(slot: Slot): void {
    this.#enter(slot, 'idle');
    slot.idleSinceMs = this.#settings.clock.now();
    this.#onChange();
  }

  /** Takes it out of use at once and resolves when it is gone. Never rejects. */
  destroy(slot: Slot, reason: DestroyReason, detail = ''): Promise<void> {
    if (slot.state === 'closing') return Promise.resolve();
    this.#enter(slot, 'closing');
    slot.callOffLeak?.();
    return this.#track(this.#end(slot, reason, detail));
  }

  /** The lease ends now, whoever holds it. */
  takeAway(slot: Slot): Promise<void> {
    slot.lease?.revoke(poolClosed());
    return this.destroy(slot, 'drained');
  }

  /** Resolves when no lease is out. */
  async allReturned(): Promise<void> {
    if ([...this.slots].every(({ state }) => state !== 'leased')) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onReturned = resolve;
    await promise;
  }

  /** Resolves when nothing is under way. */
  async settle(): Promise<void> {
    while (this.#tasks.size > 0) await Promise.allSettled(this.#tasks);
  }

  async #make(key: KeyState, isExtra: boolean): Promise<Slot> {
    key.creating += 1;
    if (isExtra) this.extras += 1;
    let made: Made;
    try {
      made = await this.#track(this.#maker.create(key, this.closing.signal));
    } catch (error) {
      key.creating -= 1;
      if (isExtra) this.extras -= 1;
      if (this.closing.signal.aborted) throw poolClosed();
      this.#settings.observer.createFailed?.({ key: key.key, error });
      key.breaker.failed(error, this.#settings.clock.now());
      throw error;
    }
    key.creating -= 1;
    key.created += 1;
    key.breaker.succeeded();
    const slot = this.#newSlot(key, made, isExtra);
    if (!this.closing.signal.aborted) return slot;
    await this.destroy(slot, 'drained');
    throw poolClosed();
  }

  #newSlot(key: KeyState, made: Made, isExtra: boolean): Slot {
    const nowMs = this.#settings.clock.now();
    const slot: Slot = {
      ...{ key, ...made, isExtra, bornMs: nowMs, uses: 0 },
      // An extra one is its tenant's from the first: no waiter may be given it.
      state: isExtra ? 'leased' : 'idle',
      ...{ idleSinceMs: nowMs, checkedMs: nowMs, lease: undefined, callOffLeak: undefined },
    };
    this.slots.add(slot);
    if (isExtra) key.leased += 1;
    else key.idle.push(slot);
    return slot;
  }

  async #takeBack(slot: Slot, lease: PoolLease): Promise<void> {
    if (slot.state !== 'leased') return;
    const { maxUses, clock } = this.#settings;
    slot.uses += 1;
    slot.lease = undefined;
    const { baseline, key, sandbox } = slot;
    if (lease.taintedBy !== undefined) return this.destroy(slot, 'tainted', lease.taintedBy);
    if (this.closing.signal.aborted) return this.destroy(slot, 'drained');
    if (slot.isExtra) return this.destroy(slot, 'extra');
    if (slot.uses >= maxUses || baseline === undefined) return this.destroy(slot, 'used_up');
    this.#enter(slot, 'resetting');
    try {
      await this.#maker.reset(key, sandbox, baseline, this.closing.signal);
    } catch (error) {
      return this.destroy(slot, 'reset_failed', String(error));
    }
    if (this.closing.signal.aborted) return this.destroy(slot, 'drained');
    slot.checkedMs = clock.now();
    this.toIdle(slot);
  }

  async #end(slot: Slot, reason: DestroyReason, detail: string): Promise<void> {
    const { key, sandbox } = slot;
    const error = await this.#maker.destroy(key, sandbox);
    this.#leave(slot);
    this.slots.delete(slot);
    if (slot.isExtra) this.extras -= 1;
    if (error === undefined) {
      this.#settings.observer.destroyed?.({ key: key.key, id: sandbox.id, reason, detail });
    } else {
      this.survivors.push({ id: sandbox.id, error: error.message });
    }
    this.#onChange();
    this.forgetUnused(key);
  }

  #enter(slot: Slot, state: Slot['state']): void {
    this.#leave(slot);
    slot.state = state;
    if (state === 'idle') slot.key.idle.push(slot);
    else slot.key[state] += 1;
    if ([...this.keys.values()].every(({ leased }) => leased === 0)) this.#onReturned?.();
  }

  /** Takes it out of the count of its state. */
  #leave(slot: Slot): void {
    const { key, state } = slot;
    if (state === 'idle') key.idle.splice(key.idle.indexOf(slot), 1);
    else key[state] -= 1;
  }

  #track<Value>(task: Promise<Value>): Promise<Value> {
    this.#tasks.add(task);
    const done = (): void => void this.#tasks.delete(task);
    task.then(done, done);
    return task;
  }
}
