import type { Clock } from '../../broker/index.ts';

/** An environment process, as it registered or as it was met after a restart. */
export interface EnvironmentRecord {
  readonly id: number;
  /** Unique here: the desired name and a count. */
  readonly name: string;
  /** Undefined while nobody has said: then it counts as the others do on average. */
  readonly contextTokens: number | undefined;
  readonly weight: number;
  /** As registered, or the largest it pushed; undefined while nobody has said. */
  groupSize: number | undefined;
  readonly minShare: number | undefined;
  /** Cleared by /disconnect-env. */
  connected: boolean;
  lastSeenMs: number;
}

export interface Registration {
  readonly desiredName: string;
  readonly contextTokens: number;
  readonly weight: number;
  readonly groupSize: number;
  readonly minShare: number | undefined;
}

/** All that has to be known of them again after a restart. */
export interface SavedEnvironments {
  readonly nextId: number;
  /** How many registered under a name. */
  readonly counts: readonly (readonly [name: string, count: number])[];
  readonly known: readonly Omit<EnvironmentRecord, 'lastSeenMs'>[];
}

export interface EnvironmentsOptions {
  readonly clock: Clock;
  /** How long one counts as alive after its last call. */
  readonly leaseMs: number;
  readonly maxEnvironments: number;
}

/**
 * The environments of one run by their ids. An id that is not known is taken in: its process registered
 * with a server before this one, and would end if it were told so.
 */
export class Environments {
  readonly #options: EnvironmentsOptions;
  readonly #byId = new Map<number, EnvironmentRecord>();
  readonly #byName = new Map<string, number>();
  readonly #counts = new Map<string, number>();
  #nextId = 0;

  constructor(options: EnvironmentsOptions) {
    this.#options = options;
  }

  /** New ids begin at `id`, so that they can't meet those of a server before this one. */
  beginAt(id: number): void {
    this.#nextId = Math.max(this.#nextId, id);
  }

  /** Puts back what was saved, all of them as seen just now. */
  restore({ nextId, counts, known }: SavedEnvironments): void {
    this.beginAt(nextId);
    for (const [name, count] of counts) this.#counts.set(name, count);
    for (const { connected, ...fields } of known) {
      if (this.#byId.size >= this.#options.maxEnvironments) return;
      this.#add(fields).connected = connected;
    }
  }

  saved(): SavedEnvironments {
    return {
      nextId: this.#nextId,
      counts: [...this.#counts],
      known: [...this.#byId.values()].map(({ lastSeenMs: _, ...fields }) => fields),
    };
  }

  /** Undefined when there are too many that are alive. */
  register(registration: Registration): EnvironmentRecord | undefined {
    if (!this.#makeRoom()) return undefined;
    const { desiredName, ...rest } = registration;
    const count = this.#counts.get(desiredName) ?? 0;
    this.#counts.set(desiredName, count + 1);
    while (this.#byId.has(this.#nextId)) this.#nextId += 1;
    return this.#add({ ...rest, id: this.#nextId++, name: `${desiredName}_${count}` });
  }

  /** The one with this id, seen just now; taken in when it is not known. Undefined when there are too many. */
  meet(id: number): EnvironmentRecord | undefined {
    const known = this.#byId.get(id);
    if (known !== undefined) {
      known.lastSeenMs = this.#options.clock.nowMs();
      return known;
    }
    if (!this.#makeRoom()) return undefined;
    const unknown = { contextTokens: undefined, minShare: undefined, groupSize: undefined };
    return this.#add({ ...unknown, weight: 1, id, name: `environment-${id}` });
  }

  /** It pushed a group of this size; as in Atropos its size only grows. */
  sawGroup(record: EnvironmentRecord, sequences: number): void {
    record.groupSize = Math.max(record.groupSize ?? 1, sequences);
  }

  /** False when there is none with this id. */
  disconnect(id: number): boolean {
    const known = this.#byId.get(id);
    if (known === undefined) return false;
    known.connected = false;
    return true;
  }

  get(id: number): EnvironmentRecord | undefined {
    return this.#byId.get(id);
  }

  /** By the name that its groups have. */
  idOf(name: string): number | undefined {
    return this.#byName.get(name);
  }

  known(): readonly EnvironmentRecord[] {
    return [...this.#byId.values()];
  }

  /** Those that are connected and were heard of within the lease. */
  alive(): readonly EnvironmentRecord[] {
    const since = this.#options.clock.nowMs() - this.#options.leaseMs;
    return [...this.#byId.values()].filter(
      ({ connected, lastSeenMs }) => connected && lastSeenMs >= since,
    );
  }

  #add(fields: Omit<EnvironmentRecord, 'connected' | 'lastSeenMs'>): EnvironmentRecord {
    const lastSeenMs = this.#options.clock.nowMs();
    const record: EnvironmentRecord = { ...fields, connected: true, lastSeenMs };
    this.#byId.set(record.id, record);
    this.#byName.set(legalName(record.name), record.id);
    return record;
  }

  /** Forgets the one that was silent for longest, when it is not alive. */
  #makeRoom(): boolean {
    if (this.#byId.size < this.#options.maxEnvironments) return true;
    const alive = new Set(this.alive());
    const [oldest] = [...this.#byId.values()]
      .filter((each) => !alive.has(each))
      .toSorted((a, b) => a.lastSeenMs - b.lastSeenMs);
    if (oldest === undefined) return false;
    this.#byId.delete(oldest.id);
    const name = legalName(oldest.name);
    if (this.#byName.get(name) === oldest.id) this.#byName.delete(name);
    return true;
  }
}

/** A name as a run's environments may have: Atropos takes any text. */
export function legalName(name: string): string {
  return name.replaceAll(/[^A-Za-z0-9._:/@=+-]/g, '-').slice(0, 200);
}
