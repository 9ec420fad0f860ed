import { LachesisError } from '../errors.ts';
import type { Weights } from './weights.ts';

/** One published policy version. Its weights never change. */
export interface Snapshot {
  readonly version: number;
  readonly weights: Weights;
}

/** The newest version and a few before it, so that a call may pin one that it saw a moment ago. */
export class Versions {
  readonly #keep: number;
  readonly #kept: Snapshot[];

  constructor(first: Snapshot, keep: number) {
    this.#keep = Math.max(1, keep);
    this.#kept = [first];
  }

  get current(): Snapshot {
    return this.#kept[this.#kept.length - 1]!;
  }

  /** @throws failed_precondition when the version is not newer than the current one. */
  assertNewer(next: number): void {
    const { version } = this.current;
    if (Number.isSafeInteger(next) && next > version) return;
    const message = `version ${next} does not follow version ${version}.`;
    throw new LachesisError('failed_precondition', message, {
      reason: 'VERSION_NOT_NEWER',
      remedy: `Publish ${version + 1} or higher.`,
    });
  }

  /** As {@link assertNewer}. */
  publish(snapshot: Snapshot): void {
    this.assertNewer(snapshot.version);
    this.#kept.push(snapshot);
    if (this.#kept.length > this.#keep) this.#kept.shift();
  }

  /** @throws failed_precondition when the version is gone or was never published. */
  at(version: number | undefined): Snapshot {
    if (version === undefined) return this.current;
    const found = this.#kept.find((snapshot) => snapshot.version === version);
    if (found !== undefined) return found;
    throw new LachesisError('failed_precondition', `version ${version} is not held here.`, {
      reason: 'VERSION_NOT_HELD',
      remedy: `Pin one of ${this.#kept.map((snapshot) => snapshot.version).join(', ')}, or none.`,
    });
  }
}
