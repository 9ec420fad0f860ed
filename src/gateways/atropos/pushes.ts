import { randomBytes } from 'node:crypto';
import type { Clock } from '../../broker/index.ts';

const MAX_UNHEARD = 4_096;
/** How long after a start a body may be one whose answer died with the process before. The SDK gives up far earlier. */
const RESENT_AFTER_START_MS = 300_000;
/** Most bodies of that time; with more, a body that is known is new. */
const MAX_SEEN = 65_536;

/**
 * Tells a body that is sent again from one that is new. Atropos' SDK sends a body again when its answer
 * did not reach it, with no id to tell it by, so the body itself is what it is told by. Groups that were
 * stored while their answer was not heard are not stored again; a body that was answered is new whenever
 * it comes again. What a process before this one stored has the body's digest in its id, and what of it
 * was heard nobody knows: the first time that such a body comes after a start, it was not.
 */
export class Pushes {
  readonly #clock: Clock;
  readonly #resentUntilMs: number;
  readonly #seen = new Set<string>();
  /** How many of the body's groups are stored, by the body's digest. */
  readonly #unheard = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#resentUntilMs = clock.nowMs() + RESENT_AFTER_START_MS;
  }

  /** `digest` is of the body's text. */
  begin(digest: string): Push {
    const stored = this.#unheard.get(digest) ?? 0;
    this.#unheard.delete(digest);
    const isFirst = !this.#seen.has(digest);
    const mayBeResent = isFirst && this.#mayBeResent();
    if (this.#mayBeResent()) this.#seen.add(digest);
    return new Push(digest, { stored, mayBeResent, isFirst }, (count) => this.#note(digest, count));
  }

  #mayBeResent(): boolean {
    return this.#clock.nowMs() < this.#resentUntilMs && this.#seen.size < MAX_SEEN;
  }

  #note(digest: string, stored: number): void {
    if (stored === 0) return;
    this.#unheard.delete(digest);
    this.#unheard.set(digest, stored);
    if (this.#unheard.size <= MAX_UNHEARD) return;
    const [oldest] = this.#unheard.keys();
    this.#unheard.delete(oldest as string);
  }
}

/** One body on its way into the broker. */
export class Push {
  /** A group of it that is known to the broker was stored by the process before this one. */
  readonly mayBeResent: boolean;
  /** How many of its groups are stored. */
  stored: number;
  readonly #digest: string;
  readonly #isFirst: boolean;
  readonly #note: (stored: number) => void;

  constructor(
    digest: string,
    known: { readonly stored: number; readonly mayBeResent: boolean; readonly isFirst: boolean },
    note: (stored: number) => void,
  ) {
    this.#digest = digest;
    this.stored = known.stored;
    this.mayBeResent = known.mayBeResent;
    this.#isFirst = known.isFirst;
    this.#note = note;
  }

  /** The id of its group at `index`, which the process after this one finds again. */
  idOf(index: number): string {
    return this.#isFirst ? `atropos-${this.#digest}-${index}` : this.otherIdOf(index);
  }

  /** Where that is another group's, pushed before in the very same words. */
  otherIdOf(index: number): string {
    return `atropos-${this.#digest}-${index}-${randomBytes(8).toString('hex')}`;
  }

  /** Its answer was not heard: sent again, it goes on where it is. */
  unheard(): void {
    this.#note(this.stored);
  }
}
