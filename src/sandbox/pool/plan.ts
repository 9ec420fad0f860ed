/** What a plan knows of the sandboxes of one key. */
export interface PlanKey {
  readonly key: string;
  /** Sandboxes that could be leased now. */
  readonly idle: number;
  /** Sandboxes being made. */
  readonly creating: number;
  /** In any state. */
  readonly total: number;
  /** Kept idle beside what is asked for. */
  readonly minIdle: number;
  /** How many may be begun now: fewer than one after failures. */
  readonly mayCreate: number;
}

export interface PlanWaiter {
  readonly key: string;
  readonly waitedMs: number;
}

export interface PlanInput {
  readonly maxTotal: number;
  readonly maxPerKey: number;
  /** In any state, over all keys: a provider's quota is held until destroying has returned. */
  readonly total: number;
  /** Being destroyed: room that is on its way. */
  readonly closing: number;
  readonly keys: readonly PlanKey[];
  /** In order of arrival. */
  readonly waiters: readonly PlanWaiter[];
  /** After it a waiter may come before others whose key happens to have idle sandboxes, when a turn is due. */
  readonly fairnessMs: number;
  readonly isTurnDue: boolean;
}

export interface Plan {
  /** Places in `waiters`, in order; each is given an idle sandbox of its key. */
  readonly grants: readonly number[];
  /** A key for each sandbox to make for who waits. */
  readonly creates: readonly string[];
  /** A key for each sandbox to make so that enough are kept idle: nobody waits for these. */
  readonly refills: readonly string[];
  /** A key for each idle sandbox to destroy, so that there is room for another key's. */
  readonly evictions: readonly string[];
  /** Whether a turn was used: an idle sandbox makes way that others of its key may have waited for. */
  readonly usesTurn: boolean;
}

/**
 * Decides what becomes of waiters and sandboxes. Idle sandboxes are matched to all waiters of their key before
 * any is destroyed for another key: in a mixed storm that makes many times fewer sandboxes. So that nobody
 * starves, now and then it is the turn of who has waited longest, and others' idle sandboxes make way. Were
 * that so for all who wait long, a busy pool would do little else than make and destroy.
 */
export function planPool(input: PlanInput): Plan {
  const plan = new Planning(input);
  const served = new Set<number>();
  const { waiters, fairnessMs, isTurnDue } = input;
  const starving = isTurnDue
    ? waiters.findLastIndex(({ waitedMs }) => waitedMs >= fairnessMs) + 1
    : 0;
  for (let at = 0; at < starving && plan.evictions.length === 0; at++) {
    if (plan.grant(at) || plan.provide(at)) served.add(at);
  }
  const usesTurn = plan.evictions.length > 0;
  waiters.forEach((_, at) => {
    if (!served.has(at) && plan.grant(at)) served.add(at);
  });
  waiters.forEach((_, at) => {
    if (!served.has(at)) plan.provide(at);
  });
  plan.refill();
  const { grants, creates, refills, evictions } = plan;
  return { grants, creates, refills, evictions, usesTurn };
}

interface KeyBalance {
  readonly key: string;
  readonly minIdle: number;
  idle: number;
  coming: number;
  total: number;
  mayCreate: number;
}

class Planning {
  readonly grants: number[] = [];
  readonly creates: string[] = [];
  readonly refills: string[] = [];
  readonly evictions: string[] = [];
  readonly #input: PlanInput;
  readonly #keys: ReadonlyMap<string, KeyBalance>;
  #room: number;
  #comingRoom: number;

  constructor(input: PlanInput) {
    this.#input = input;
    this.#room = input.maxTotal - input.total;
    this.#comingRoom = input.closing;
    this.#keys = new Map(
      input.keys.map(({ creating, ...rest }) => [rest.key, { ...rest, coming: creating }]),
    );
  }

  grant(at: number): boolean {
    const balance = this.#keys.get(this.#input.waiters[at]?.key ?? '');
    if (balance === undefined || balance.idle === 0) return false;
    balance.idle -= 1;
    this.grants.push(at);
    return true;
  }

  /** Sees to it that one more of its key will come; false when that can't be done now. */
  provide(at: number): boolean {
    const balance = this.#keys.get(this.#input.waiters[at]?.key ?? '');
    if (balance === undefined) return false;
    if (balance.coming > 0) {
      balance.coming -= 1;
      return true;
    }
    if (balance.mayCreate <= 0 || balance.total >= this.#input.maxPerKey) return false;
    if (this.#create(balance, this.creates)) return true;
    if (this.#comingRoom > 0) {
      this.#comingRoom -= 1;
      return true;
    }
    return this.#evictFor(balance);
  }

  refill(): void {
    for (const balance of this.#keys.values()) {
      let missing = balance.minIdle - balance.idle - balance.coming;
      while (missing > 0 && balance.total < this.#input.maxPerKey) {
        if (!this.#create(balance, this.refills)) break;
        missing -= 1;
      }
    }
  }

  #create(balance: KeyBalance, list: string[]): boolean {
    if (this.#room <= 0 || balance.mayCreate <= 0) return false;
    this.#room -= 1;
    balance.mayCreate -= 1;
    balance.total += 1;
    list.push(balance.key);
    return true;
  }

  /** The key with most idle ones beyond what it keeps gives one up. */
  #evictFor(balance: KeyBalance): boolean {
    let victim: KeyBalance | undefined;
    for (const other of this.#keys.values()) {
      if (other === balance || other.idle === 0) continue;
      if (victim === undefined || other.idle - other.minIdle > victim.idle - victim.minIdle) {
        victim = other;
      }
    }
    if (victim === undefined) return false;
    victim.idle -= 1;
    this.evictions.push(victim.key);
    return true;
  }
}
