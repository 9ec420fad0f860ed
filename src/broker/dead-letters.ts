import type { DeadLetter } from './assignment-event.ts';

/** Letters that are kept of a run. */
const MAX_LETTERS = 1_000;

/** The latest assignments of a run that were given up. */
export class DeadLetters {
  readonly #letters = new Map<string, DeadLetter>();

  add(letter: DeadLetter): void {
    this.#letters.set(letter.assignmentId, letter);
    if (this.#letters.size <= MAX_LETTERS) return;
    // A map keeps the order of adding.
    const [oldest] = this.#letters.keys();
    this.#letters.delete(oldest!);
  }

  /** Its group came after all; false when it was none. */
  delete(assignmentId: string): boolean {
    return this.#letters.delete(assignmentId);
  }

  /** Oldest first. */
  all(): readonly DeadLetter[] {
    return [...this.#letters.values()];
  }
}
