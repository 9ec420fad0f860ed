import { sleep } from '../../../src/async/index.ts';
import { LachesisError } from '../../../src/errors.ts';
import {
  createSandboxPool,
  type DrainReport,
  outputText,
  type PoolObserver,
  type SandboxLease,
  type SandboxPoolOptions,
  type SandboxSpec,
} from '../../../src/sandbox/index.ts';
import { type ManualClock, manualClock } from '../../support/manual-clock.ts';
import { FakeBackend, type FakeOutcome, type FakeStep } from './fake-backend.ts';

/** What a storm is made of; all of it follows from the seed. Chances are of 1. */
export interface StormPlan {
  readonly seed: number;
  readonly leases: number;
  /** All arrive within it. */
  readonly spreadMs: number;
  readonly keys: number;
  readonly holdMs: number;
  readonly timeoutMs: number;
  readonly latencyMs: number;
  readonly faults: Partial<Record<FakeStep, Partial<Record<FakeOutcome, number>>>>;
  readonly chances: {
    readonly abort: number;
    readonly taint: number;
    readonly leak: number;
    readonly extra: number;
    readonly early: number;
  };
  readonly pool: Omit<SandboxPoolOptions, 'backend' | 'clock' | 'observer' | 'random'>;
}

export interface StormResult {
  readonly broken: readonly string[];
  readonly leased: number;
  readonly created: number;
  readonly refused: Readonly<Record<string, number>>;
  readonly longestStarvedMs: number;
  readonly report: DrainReport;
}

interface Tenant {
  readonly at: number;
  readonly owner: string;
  readonly key: string;
  readonly isExtra: boolean;
  sinceMs: number;
  /** When it no longer waits, by its own or its limit's doing. */
  untilMs: number;
  isWaiting: boolean;
  /** Since when it has waited longer than the bound with nobody before it. */
  firstMs: number | undefined;
}

/** Plays a storm on a virtual clock, and says which invariants did not hold. */
export async function playStorm(plan: StormPlan): Promise<StormResult> {
  const storm = new Storm(plan);
  return await storm.play();
}

class Storm {
  readonly #plan: StormPlan;
  readonly #clock: ManualClock = manualClock();
  readonly #random: () => number;
  readonly #backend: FakeBackend;
  readonly #broken = new Set<string>();
  readonly #tenants: Tenant[] = [];
  readonly #held = new Map<string, string>();
  readonly #dirty = new Set<string>();
  readonly #uses = new Map<string, number>();
  readonly #refused: Record<string, number> = {};
  #leased = 0;
  #survivors = 0;
  #running = 0;
  #longestStarvedMs = 0;

  constructor(plan: StormPlan) {
    this.#plan = plan;
    this.#random = lcg(plan.seed);
    this.#backend = new FakeBackend({
      clock: this.#clock,
      latencyMs: () => Math.floor(this.#random() * plan.latencyMs),
      outcome: (step) => this.#outcome(step),
      capabilities: { costly: true },
    });
  }

  async play(): Promise<StormResult> {
    const { leases, spreadMs, pool: options } = this.#plan;
    const clock = this.#clock;
    const pool = createSandboxPool({
      ...options,
      ...{ backend: this.#backend, clock, observer: this.#observer(), random: this.#random },
    });
    let playing = leases;
    const never = new AbortController().signal;
    for (let at = 0; at < leases; at++) {
      const startMs = Math.floor(this.#random() * spreadMs);
      void (async () => {
        if (startMs > 0) await sleep(startMs, { clock, signal: never });
        await this.#tenant(at, (spec, request) => pool.acquire(spec, request));
      })()
        .catch((error: unknown) => this.#broke(`a tenant ended in ${String(error)}`))
        .finally(() => {
          playing -= 1;
        });
    }
    for (let steps = 0; playing > 0; steps++) {
      if (clock.nextInMs === undefined) await clock.advance(0);
      if (playing > 0 && (clock.nextInMs === undefined || steps > 50_000)) {
        this.#broke(`${playing} tenants never ended`);
        break;
      }
      await clock.advance(clock.nextInMs ?? 0);
      this.#check(pool.stats());
    }
    let report: DrainReport | undefined;
    const drained = pool.drain({ graceMs: 1_000 }).then((each) => {
      report = each;
    });
    while (report === undefined) {
      await clock.advance(clock.nextInMs ?? 0);
      if (clock.nextInMs === undefined) {
        await clock.advance(0);
        break;
      }
    }
    if (report === undefined) this.#broke('the drain never ended');
    await Promise.race([drained, Promise.resolve()]);
    this.#checkEnd(pool.stats().byKey.length, report ?? { forced: [], survivors: [] });
    return {
      broken: [...this.#broken],
      leased: this.#leased,
      created: this.#backend.made.length,
      refused: this.#refused,
      longestStarvedMs: this.#longestStarvedMs,
      report: report ?? { forced: [], survivors: [] },
    };
  }

  async #tenant(
    at: number,
    acquire: (
      spec: SandboxSpec,
      request: Parameters<ReturnType<typeof createSandboxPool>['acquire']>[1],
    ) => Promise<SandboxLease>,
  ): Promise<void> {
    const { keys, timeoutMs, chances } = this.#plan;
    const chance = (of: number): boolean => this.#random() < of;
    const key = `image-${Math.floor(this.#random() * keys)}`;
    const isExtra = chance(chances.extra);
    const sinceMs = this.#clock.now();
    const owner = `tenant-${this.#tenants.length}`;
    const controller = new AbortController();
    const tenant: Tenant = {
      ...{ at, owner, key, isExtra, sinceMs },
      ...{ untilMs: sinceMs + timeoutMs, isWaiting: true, firstMs: undefined },
    };
    this.#tenants.push(tenant);
    let callOff = (): void => {};
    if (chance(chances.abort)) {
      callOff = this.#clock.schedule(Math.floor(this.#random() * 500), () => {
        tenant.untilMs = -1;
        controller.abort(new Error('no longer wanted'));
      });
    }
    let lease: SandboxLease;
    try {
      const { signal } = controller;
      lease = await acquire({ image: key }, { owner, timeoutMs, signal, extra: isExtra });
    } catch (error) {
      const isTyped = error instanceof LachesisError;
      const reason = isTyped ? error.reason : (error as Error).message;
      this.#refused[reason] = (this.#refused[reason] ?? 0) + 1;
      if (!isTyped && error !== controller.signal.reason) this.#broke(`untyped: ${String(error)}`);
      return;
    } finally {
      tenant.isWaiting = false;
      callOff();
    }
    await this.#use(lease, key, owner);
  }

  async #use(lease: SandboxLease, key: string, owner: string): Promise<void> {
    const { chances, holdMs } = this.#plan;
    const chance = (of: number): boolean => this.#random() < of;
    const sandbox = this.#backend.alive.get(lease.id);
    if (sandbox?.spec.image !== key) this.#broke(`${lease.id} is not of ${key}`);
    try {
      const found = outputText((await lease.exec({ argv: ['read'] })).stdout);
      if (found !== '') this.#broke(`${owner} found what ${found} left`);
      await lease.exec({ argv: ['write', owner] });
      const never = new AbortController().signal;
      const ms = Math.floor(this.#random() * holdMs);
      if (ms > 0) await sleep(ms, { clock: this.#clock, signal: never });
      const own = outputText((await lease.exec({ argv: ['read'] })).stdout);
      if (own !== owner) this.#broke(`${owner} shared its sandbox with ${own}`);
    } catch (error) {
      if (!(error instanceof Error && /failed|gone/.test(error.message))) throw error;
      this.#dirty.add(lease.id);
    }
    if (chance(chances.taint)) {
      lease.taint('the tenant said so');
      this.#dirty.add(lease.id);
    }
    if (chance(chances.early)) {
      void lease.exec({ argv: ['write', 'too late'] }).catch(() => {});
      this.#dirty.add(lease.id);
    }
    if (chance(chances.leak)) {
      this.#dirty.add(lease.id);
      return;
    }
    this.#held.delete(lease.id);
    await Promise.all([lease.release(), lease.release()]);
    await lease.exec({ argv: ['write', 'after'] }).then(
      () => this.#broke('a lease was used after its release'),
      (error: unknown) => {
        if ((error as LachesisError).reason !== 'LEASE_RELEASED') this.#broke(String(error));
      },
    );
  }

  #observer(): PoolObserver {
    return {
      leased: ({ id, owner, earlierUses }) => {
        this.#leased += 1;
        const holder = this.#held.get(id);
        if (holder !== undefined) this.#broke(`${id} is ${holder}'s and was given to ${owner}`);
        this.#held.set(id, owner);
        if (this.#dirty.has(id)) this.#broke(`${id} was leased after its taint`);
        const uses = this.#uses.get(id) ?? 0;
        this.#uses.set(id, uses + 1);
        if (uses + 1 > (this.#plan.pool.maxUses ?? 20)) this.#broke(`${id} was used up`);
        if (earlierUses !== uses) this.#broke(`${id} was used ${uses}, not ${earlierUses} times`);
        this.#checkOrder(owner);
      },
      destroyed: ({ id }) => void this.#held.delete(id),
      survived: () => {
        this.#survivors += 1;
      },
    };
  }

  /** FIFO within a key; and how long who was first of all had to wait. */
  #checkOrder(owner: string): void {
    const nowMs = this.#clock.now();
    const tenant = this.#tenants.find((each) => each.owner === owner);
    if (tenant === undefined || tenant.isExtra) return;
    tenant.isWaiting = false;
    const waiting = this.#tenants.filter(
      (each) => each.isWaiting && !each.isExtra && each.untilMs > nowMs,
    );
    const overtaken = waiting.filter(
      ({ key, owner: other }) =>
        key === tenant.key && Number(other.slice(7)) < Number(owner.slice(7)),
    );
    if (overtaken.length > this.#running) {
      this.#broke(`${owner} came before ${overtaken.map((each) => each.owner).join()}`);
    }
    if (tenant.firstMs !== undefined) {
      this.#longestStarvedMs = Math.max(this.#longestStarvedMs, nowMs - tenant.firstMs);
    }
  }

  #check(stats: ReturnType<ReturnType<typeof createSandboxPool>['stats']>): void {
    const { maxTotal = 16, maxPerKey = maxTotal, maxExtra = maxTotal } = this.#plan.pool;
    const total = (of: typeof stats | (typeof stats.byKey)[number]): number =>
      of.creating + of.idle + of.leased + of.resetting + of.closing;
    if (total(stats) > maxTotal + maxExtra) this.#broke(`${total(stats)} sandboxes`);
    for (const key of stats.byKey) {
      if (total(key) > maxPerKey + maxExtra) this.#broke(`${total(key)} sandboxes of a key`);
    }
    const most = maxTotal + maxExtra + this.#survivors;
    if (this.#backend.alive.size > most) this.#broke(`${this.#backend.alive.size} are alive`);
    const nowMs = this.#clock.now();
    const first = this.#tenants.find(
      ({ isWaiting, isExtra, untilMs }) => isWaiting && !isExtra && untilMs > nowMs,
    );
    if (first !== undefined && nowMs - first.sinceMs >= 250) first.firstMs ??= nowMs;
  }

  #checkEnd(keys: number, report: DrainReport): void {
    if (this.#backend.alive.size > report.survivors.length) this.#broke('something lives on');
    if (this.#clock.pending > 0) this.#broke(`${this.#clock.pending} timers are pending`);
    if (keys > 0) this.#broke(`${keys} keys are remembered`);
    if (this.#tenants.some(({ isWaiting }) => isWaiting)) this.#broke('somebody waits for ever');
  }

  #outcome(step: FakeStep): FakeOutcome {
    let at = this.#random();
    for (const [outcome, chance] of Object.entries(this.#plan.faults[step] ?? {})) {
      at -= chance;
      if (at < 0) return outcome as FakeOutcome;
    }
    return 'ok';
  }

  #broke(what: string): void {
    if (this.#broken.size < 20) this.#broken.add(`${this.#clock.now()} ms: ${what}`);
  }
}

/** Uniform in [0, 1). */
function lcg(seed: number): () => number {
  let state = (seed * 2_654_435_761 + 1) >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
