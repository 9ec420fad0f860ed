import { createHash } from 'node:crypto';

const MAX_PUSHES = 4_096;

/**
 * Bodies whose groups were stored while their answer did not reach the environment. Atropos' SDK then
 * sends the same body again, with no id to tell it by, so the body itself is what it is told by: once
 * more, it is answered and not stored. A body that was answered is new whenever it comes again.
 */
export class UnheardPushes {
  /** How many of the body's groups are stored, by the body's digest. */
  readonly #stored = new Map<string, number>();

  /** Groups of this body that are stored already; forgotten by asking. */
  take(body: string): number {
    // Mostly there is none, and a body is long.
    if (this.#stored.size === 0) return 0;
    const digest = digestOf(body);
    const stored = this.#stored.get(digest) ?? 0;
    this.#stored.delete(digest);
    return stored;
  }

  note(body: string, storedGroups: number): void {
    if (storedGroups === 0) return;
    const digest = digestOf(body);
    this.#stored.delete(digest);
    this.#stored.set(digest, storedGroups);
    if (this.#stored.size <= MAX_PUSHES) return;
    const [oldest] = this.#stored.keys();
    this.#stored.delete(oldest as string);
  }
}

function digestOf(body: string): string {
  return createHash('sha256').update(body).digest('base64');
}
