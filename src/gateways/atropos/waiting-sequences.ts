/** A group that waits, as far as the figures of an environment need it. */
interface WaitingGroup {
  readonly id: string;
  readonly envId: number | undefined;
  readonly sequences: number;
}

/**
 * Which environment's sequences wait, in submit order. It follows what the gateway pushed and handed
 * out. What others took of the run is made up for by the broker's own count: the oldest are gone then.
 */
export class WaitingSequences {
  /** In submit order: a Map keeps it. */
  readonly #groups = new Map<string, WaitingGroup>();
  readonly #byEnvironment = new Map<number | undefined, number>();
  readonly #sizes = new Map<number, number>();
  #total = 0;

  get total(): number {
    return this.#total;
  }

  add(group: WaitingGroup): void {
    if (this.#groups.has(group.id)) return;
    this.#groups.set(group.id, group);
    this.#count(group, 1);
  }

  taken(ids: Iterable<string>): void {
    for (const id of ids) {
      const group = this.#groups.get(id);
      if (group === undefined) continue;
      this.#groups.delete(id);
      this.#count(group, -1);
    }
  }

  /** No more than `groups` wait in the broker. */
  trim(groups: number): void {
    for (const id of this.#groups.keys()) {
      if (this.#groups.size <= groups) return;
      this.taken([id]);
    }
  }

  of(envId: number): number {
    return this.#byEnvironment.get(envId) ?? 0;
  }

  /** Every environment that has some, undefined for groups that name none. */
  byEnvironment(): Iterable<readonly [number | undefined, number]> {
    return this.#byEnvironment;
  }

  /** The largest group that waits; 1 when none does. */
  get largest(): number {
    return Math.max(1, ...this.#sizes.keys());
  }

  #count({ envId, sequences }: WaitingGroup, sign: 1 | -1): void {
    this.#total += sign * sequences;
    add(this.#byEnvironment, envId, sign * sequences);
    add(this.#sizes, sequences, sign);
  }
}

function add<Key>(counts: Map<Key, number>, key: Key, amount: number): void {
  const sum = (counts.get(key) ?? 0) + amount;
  if (sum === 0) counts.delete(key);
  else counts.set(key, sum);
}
