import { untilAborted } from '../async/index.ts';

/** Hands values from one hand to the other: the giver waits until each was taken and the next asked for. */
export class Handover<Value> implements AsyncIterable<Value> {
  #full = Promise.withResolvers<void>();
  #taken = Promise.withResolvers<void>();
  #value: { readonly value: Value } | undefined;
  #ending: { readonly error?: unknown } | undefined;

  /** Resolves when it was taken; one giver at a time. Rejects with the signal's reason. */
  async give(value: Value, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.#value = { value };
    this.#full.resolve();
    await untilAborted(this.#taken.promise, { signal });
  }

  end(): void {
    this.#ending ??= {};
    this.#full.resolve();
  }

  fail(error: unknown): void {
    this.#ending ??= { error };
    this.#full.resolve();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Value> {
    for (;;) {
      await this.#full.promise;
      const held = this.#value;
      if (this.#ending === undefined || held !== undefined) {
        this.#value = undefined;
        if (this.#ending === undefined) this.#full = Promise.withResolvers();
        const { resolve } = this.#taken;
        this.#taken = Promise.withResolvers();
        if (held !== undefined) yield held.value;
        resolve();
        continue;
      }
      if ('error' in this.#ending) throw this.#ending.error;
      return;
    }
  }
}
