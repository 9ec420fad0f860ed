/** The last bucket: so far behind, or further. */
export const FURTHEST_BEHIND = 16;

/** Which bucket a group of that version is in; what is newer than the current one is not behind. */
export function behind(policyVersion: number, version: number): number {
  return Math.min(Math.max(0, policyVersion - version), FURTHEST_BEHIND);
}

/** Without the zeros at the end. */
export function trimmed(buckets: readonly number[]): readonly number[] {
  return buckets.slice(0, buckets.findLastIndex((groups) => groups > 0) + 1);
}

/**
 * How many groups wait of each policy version. Adding, removing and reading take constant time; a
 * new policy version costs no more than the versions that it passes and that wait.
 */
export class WaitingVersions {
  readonly #byVersion = new Map<number, number>();
  #total = 0;
  /** Of versions newer than the current one. */
  #ahead = 0;
  #current: number;

  constructor(current: number) {
    this.#current = current;
  }

  add(version: number, groups = 1): void {
    const count = (this.#byVersion.get(version) ?? 0) + groups;
    if (count > 0) this.#byVersion.set(version, count);
    else this.#byVersion.delete(version);
    this.#total += groups;
    if (version > this.#current) this.#ahead += groups;
  }

  remove(version: number): void {
    this.add(version, -1);
  }

  publish(version: number): void {
    if (this.#ahead > 0) {
      for (const [one, groups] of this.#byVersion) {
        if (one > this.#current && one <= version) this.#ahead -= groups;
      }
    }
    this.#current = version;
  }

  histogram(): readonly number[] {
    const buckets = [this.#ahead + (this.#byVersion.get(this.#current) ?? 0)];
    for (let at = 1; at < FURTHEST_BEHIND; at += 1) {
      buckets.push(this.#byVersion.get(this.#current - at) ?? 0);
    }
    buckets.push(this.#total - buckets.reduce((sum, groups) => sum + groups, 0));
    return trimmed(buckets);
  }
}
