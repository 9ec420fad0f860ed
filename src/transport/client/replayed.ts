/** Of a stream that was not answered yet; beyond that it can't be sent once more. */
const MAX_KEPT = 256;

/**
 * The messages of a request that may have to be sent from the beginning again, until somebody has
 * answered: read from their source once, and one attempt at a time.
 */
export class Replayed<Message> {
  readonly #source: AsyncIterator<Message>;
  /** Those from `#first` on. */
  #kept: Message[] = [];
  #first = 0;
  /** By the attempt under way. */
  #sent = 0;
  #attempt = 0;
  #isDone = false;
  #isSettled = false;
  #pulling: Promise<void> | undefined;

  constructor(source: AsyncIterable<Message>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** False when too much was sent to be kept. */
  get isWhole(): boolean {
    return this.#first === 0;
  }

  /** It was answered: the attempt under way is the last, and nothing more is kept. */
  settle(): void {
    this.#isSettled = true;
    this.#dropSent();
  }

  /** No attempt follows. */
  close(): void {
    this.settle();
    void this.#source.return?.().catch(() => {});
  }

  /** All messages, for one attempt, which ends the reading of the one before. */
  async *messages(): AsyncGenerator<Message, void, void> {
    this.#attempt += 1;
    const attempt = this.#attempt;
    this.#sent = 0;
    try {
      for (let at = 0; ; at += 1) {
        while (at >= this.#first + this.#kept.length) {
          if (this.#isDone) return;
          this.#pulling ??= this.#pull();
          await this.#pulling;
          if (attempt !== this.#attempt) return;
        }
        const message = this.#kept[at - this.#first]!;
        this.#sent = at + 1;
        if (this.#isSettled || this.#kept.length > MAX_KEPT) this.#dropSent();
        yield message;
        if (attempt !== this.#attempt) return;
      }
    } finally {
      if (this.#isSettled && attempt === this.#attempt) await this.#source.return?.();
    }
  }

  #dropSent(): void {
    if (this.#sent <= this.#first) return;
    this.#kept.splice(0, this.#sent - this.#first);
    this.#first = this.#sent;
  }

  /** One that is asked for by an attempt that failed meanwhile is there for the next. */
  async #pull(): Promise<void> {
    try {
      const { done, value } = await this.#source.next();
      if (done === true) this.#isDone = true;
      else this.#kept.push(value);
    } finally {
      this.#pulling = undefined;
    }
  }
}
