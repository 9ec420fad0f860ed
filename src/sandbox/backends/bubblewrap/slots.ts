import { LachesisError } from '../../../errors.ts';

/** Numbers that are each one live box's. */
export class Slots {
  readonly #count: number;
  readonly #free: number[] = [];
  #next = 0;

  constructor(count: number) {
    this.#count = count;
  }

  take(): number {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    if (this.#next < this.#count) return this.#next++;
    throw new LachesisError(
      'resource_exhausted',
      `All ${this.#count} user ids of boxes are in use.`,
      {
        reason: 'SANDBOX_SLOTS_EXHAUSTED',
        remedy: 'Give `users.count` of the bubblewrap backend more of them.',
      },
    );
  }

  giveBack(slot: number): void {
    this.#free.push(slot);
  }
}
