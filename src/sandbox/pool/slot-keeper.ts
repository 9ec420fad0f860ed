import type { SandboxSpec } from '../contract/spec.ts';
import type { DestroyReason } from './observer.ts';
import type { PoolSettings } from './options.ts';
import { poolKey } from './pool-key.ts';
import { PoolLease } from './pool-lease.ts';
import { isPermanent, leaseExpired, poolClosed } from './refusals.ts';
import { LEAK_GRACE_MS, type Made, SandboxMaker, type Survivor } from './sandbox-maker.ts';
import { KeyState, type Slot } from './slot.ts';

/** Most that are remembered of what could not be ended. */
const MAX_SURVIVORS = 1_000;

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
  readonly survivors: Survivor[] = [];
  readonly slots = new Set<Slot>();
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

  /** Places taken beyond `maxTotal`. */
  get extras(): number {
    let sum = 0;
    for (const { extra } of this.keys.values()) sum += extra.total;
    return sum;
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
  forgetUnused(): void {
    const nowMs = this.#settings.clock.now();
    const isOver = this.closing.signal.aborted;
    for (const [name, key] of this.keys) {
      if (key.isUnused && (isOver || key.breaker.calmInMs(nowMs) === 0)) this.keys.delete(name);
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
    const { idleMs, clock } = this.#settings;
    const nowMs = clock.now();
    for (const key of this.keys.values()) {
      for (const slot of [...key.idle]) {
        if (nowMs >= slot.staleMs) void this.destroy(slot, 'too_old');
        else if (nowMs - slot.idleSinceMs >= idleMs && key.idle.length > key.minIdle) {
          void this.destroy(slot, 'idle');
        }
      }
    }
  }

  /** One that is nobody's becomes this tenant's. */
  lease(slot: Slot, { owner, holdMs, sinceMs }: Tenant): PoolLease {
    const { clock, observer } = this.#settings;
    const { key, sandbox, uses: earlierUses } = slot;
    this.hold(slot);
    const lease = new PoolLease({
      ...{ sandbox, owner, earlierUses },
      onExec: (durationMs) => observer.executed({ key: key.key, id: sandbox.id, durationMs }),
      giveBack: () => this.#track(this.#takeBack(slot, lease)),
    });
    slot.lease = lease;
    if (holdMs < Infinity) {
      slot.callOffLeak = clock.schedule(holdMs + LEAK_GRACE_MS, () => {
        observer.leaked({ key: key.key, id: sandbox.id, owner });
        lease.revoke(leaseExpired(lease.leaseId, holdMs));
        void this.destroy(slot, 'leaked', owner);
      });
    }
    if (earlierUses > 0) key.reused += 1;
    const waitedMs = clock.now() - sinceMs;
    observer.leased({ key: key.key, id: sandbox.id, owner, earlierUses, waitedMs });
    return lease;
  }

  /** Counts it as leased, so that nobody else is given it. */
  hold(slot: Slot): void {
    if (slot.state !== 'leased') this.#enter(slot, 'leased');
  }

  isHealthy(slot: Slot): Promise<boolean> {
    return this.#track(this.#maker.isHealthy(slot, this.closing.signal));
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
    this.#unlease(slot);
    return this.#track(this.#end(slot, reason, detail));
  }

  /** The lease ends now, whoever holds it. */
  takeAway(slot: Slot): Promise<void> {
    slot.lease?.revoke(poolClosed());
    return this.destroy(slot, 'drained');
  }

  /** Resolves when no lease is out. */
  async allReturned(): Promise<void> {
    if (![...this.slots].some(({ state }) => state === 'leased')) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onReturned = resolve;
    await promise;
  }

  /** Resolves when nothing is under way. */
  async settle(): Promise<void> {
    while (this.#tasks.size > 0) await Promise.allSettled(this.#tasks);
  }

  /** Tells the observer how many there are of each state. */
  tellCounts(key: KeyState): void {
    this.#settings.observer.counted(key.counts());
  }

  async #make(key: KeyState, isExtra: boolean): Promise<Slot> {
    const { clock, observer } = this.#settings;
    const begunMs = clock.now();
    let gone: Promise<Survivor | undefined> | undefined;
    this.#count(key, 'creating', 1, isExtra);
    let made: Made;
    try {
      made = await this.#track(
        this.#maker.create(key, this.closing.signal, (after) => {
          gone = after;
        }),
      );
    } catch (error) {
      this.#count(key, 'creating', -1, isExtra);
      if (gone !== undefined) void this.#track(this.#waitForPlace(key, isExtra, gone));
      if (this.closing.signal.aborted) throw poolClosed();
      observer.createFailed({ key: key.key, error });
      // What can never be made is told to whoever asks, each time; there is nothing to wait for.
      if (!isPermanent(error)) key.breaker.failed(error, begunMs, clock.now());
      throw error;
    }
    this.#count(key, 'creating', -1, isExtra);
    key.created += 1;
    key.breaker.succeeded();
    const slot = this.#newSlot(key, made, isExtra);
    if (!this.closing.signal.aborted) return slot;
    await this.destroy(slot, 'drained');
    throw poolClosed();
  }

  /** The place of one whose making failed is free when nothing of it can live. */
  async #waitForPlace(
    key: KeyState,
    isExtra: boolean,
    gone: Promise<Survivor | undefined>,
  ): Promise<void> {
    this.#count(key, 'closing', 1, isExtra);
    this.#remember(await gone);
    this.#count(key, 'closing', -1, isExtra);
    this.#onChange();
  }

  #newSlot(key: KeyState, made: Made, isExtra: boolean): Slot {
    const { clock, lifetimeMs, random } = this.#settings;
    const nowMs = clock.now();
    const slot: Slot = {
      ...{ key, ...made, isExtra, bornMs: nowMs, uses: 0 },
      staleMs: nowMs + lifetimeMs * (1 - random() / 10),
      // An extra one is its tenant's from the first: no waiter may be given it.
      state: isExtra ? 'leased' : 'idle',
      ...{ idleSinceMs: nowMs, checkedMs: nowMs, lease: undefined, callOffLeak: undefined },
    };
    this.slots.add(slot);
    if (!isExtra) key.idle.push(slot);
    this.#count(key, slot.state, 1, isExtra);
    return slot;
  }

  async #takeBack(slot: Slot, lease: PoolLease): Promise<void> {
    if (slot.lease !== lease || slot.state !== 'leased') return;
    const { maxUses, clock } = this.#settings;
    this.#unlease(slot);
    const { baseline, key, sandbox } = slot;
    if (lease.taintedBy !== undefined) return this.destroy(slot, 'tainted', lease.taintedBy);
    if (this.closing.signal.aborted) return this.destroy(slot, 'drained');
    if (slot.isExtra) return this.destroy(slot, 'extra');
    // Nobody was there to use it, such as one that had stopped waiting a moment before.
    if (!lease.wasUsed) return this.toIdle(slot);
    slot.uses += 1;
    if (slot.uses >= maxUses || baseline === undefined) return this.destroy(slot, 'used_up');
    this.#enter(slot, 'resetting');
    try {
      await this.#maker.reset(key, sandbox, baseline, this.closing.signal);
    } catch (error) {
      const reason = this.closing.signal.aborted ? 'drained' : 'reset_failed';
      return this.destroy(slot, reason, String(error));
    }
    if (this.closing.signal.aborted) return this.destroy(slot, 'drained');
    slot.checkedMs = clock.now();
    this.toIdle(slot);
  }

  async #end(slot: Slot, reason: DestroyReason, detail: string): Promise<void> {
    const { key, sandbox } = slot;
    this.#remember(await this.#maker.destroy(key, sandbox, reason, detail));
    this.slots.delete(slot);
    this.#leave(slot);
    this.#onChange();
  }

  #remember(survivor: Survivor | undefined): void {
    if (survivor === undefined) return;
    this.survivors.push(survivor);
    if (this.survivors.length > MAX_SURVIVORS) this.survivors.shift();
  }

  #unlease(slot: Slot): void {
    slot.callOffLeak?.();
    slot.callOffLeak = undefined;
    slot.lease = undefined;
  }

  #enter(slot: Slot, state: Slot['state']): void {
    const { key, isExtra } = slot;
    this.#leave(slot);
    slot.state = state;
    if (state === 'idle') key.idle.push(slot);
    this.#count(key, state, 1, isExtra);
    if ([...this.keys.values()].every(({ leased }) => leased === 0)) this.#onReturned?.();
  }

  /** Takes it out of the count of its state. */
  #leave(slot: Slot): void {
    const { key, state, isExtra } = slot;
    if (state === 'idle') key.idle.splice(key.idle.indexOf(slot), 1);
    this.#count(key, state, -1, isExtra);
  }

  #count(key: KeyState, state: Parameters<KeyState['count']>[0], by: 1 | -1, isExtra: boolean) {
    key.count(state, by, isExtra);
    this.tellCounts(key);
  }

  #track<Value>(task: Promise<Value>): Promise<Value> {
    this.#tasks.add(task);
    const done = (): void => void this.#tasks.delete(task);
    task.then(done, done);
    return task;
  }
}
