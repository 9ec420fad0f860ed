import type { StoredAssignment } from './assignment-event.ts';
import type { BatchSize } from './broker.ts';

/** Of the groups that came so far, for what those that play will bring. */
interface Seen {
  groups: number;
  units: number;
  bytes: number;
}

/**
 * The assignments of a run that are leased: their groups will come, and room is kept for them. How large
 * they get is what their order says, or what groups have been on average.
 */
export class GroupsInPlay {
  readonly #unit: BatchSize['kind'];
  readonly #target: number;
  readonly #ordered = new Map<string, number | undefined>();
  readonly #seen: Seen = { groups: 0, units: 0, bytes: 0 };
  /** Units of those whose order says how many. */
  #orderedUnits = 0;
  #unknown = 0;

  /** `target` is what a batch needs. */
  constructor(unit: BatchSize['kind'], target: number) {
    this.#unit = unit;
    this.#target = target;
  }

  get groups(): number {
    return this.#ordered.size;
  }

  get units(): number {
    return this.#orderedUnits + this.#unknown * this.#meanUnits;
  }

  /** Bytes that a group is likely to have; 0 before the first came. */
  get meanBytes(): number {
    return this.#seen.groups === 0 ? 0 : this.#seen.bytes / this.#seen.groups;
  }

  has(id: string): boolean {
    return this.#ordered.has(id);
  }

  begin(assignment: StoredAssignment): void {
    if (this.#ordered.has(assignment.id)) return;
    const units = this.#orderedOf(assignment);
    this.#ordered.set(assignment.id, units);
    this.#orderedUnits += units ?? 0;
    if (units === undefined) this.#unknown += 1;
  }

  end(id: string): void {
    if (!this.#ordered.has(id)) return;
    const units = this.#ordered.get(id);
    this.#ordered.delete(id);
    this.#orderedUnits -= units ?? 0;
    if (units === undefined) this.#unknown -= 1;
  }

  /** A group came, ordered or not. */
  saw(units: number, bytes: number): void {
    this.#seen.groups += 1;
    this.#seen.units += units;
    this.#seen.bytes += bytes;
  }

  /** What the group of an order is likely to bring; of any, where none is given. */
  unitsOf(assignment?: Pick<StoredAssignment, 'groupSize'>): number {
    return this.#orderedOf(assignment ?? {}) ?? this.#meanUnits;
  }

  /** Each rollout is taken for a row, and a group for no more than a batch, which could not hold it. */
  #orderedOf({ groupSize }: Pick<StoredAssignment, 'groupSize'>): number | undefined {
    if (this.#unit === 'groups') return 1;
    return this.#unit === 'rows' && groupSize !== undefined
      ? Math.min(groupSize, this.#target)
      : undefined;
  }

  /** Until a group came, each is taken for a whole batch, so that few are begun before one is known. */
  get #meanUnits(): number {
    const { groups, units } = this.#seen;
    if (this.#unit === 'groups') return 1;
    return groups === 0 ? this.#target : Math.max(1, units / groups);
  }
}
