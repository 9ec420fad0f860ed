import { Notifier } from './notifier.ts';

/** What several producers put in for one stream to send, in order. Ends once, well or badly. */
export class Outbox<Value> {
  readonly #values: Value[] = [];
  readonly #changed = new Notifier();
  #ending: { readonly error?: unknown } | undefined;

  /** Dropped after the end. */
  push(value: Value): void {
    if (this.#ending !== undefined) return;
    this.#values.push(value);
    this.#changed.notify();
  }

  /** After what is in it, the stream ends. */
  end(): void {
    this.#ending ??= {};
    this.#changed.notify();
  }

  /** After what is in it, the stream fails. */
  fail(error: unknown): void {
    this.#ending ??= { error };
    this.#changed.notify();
  }

  /** What is put in, as it comes; `idle.value` is sent after every `idle.everyMs` of silence. */
  async *drain(
    options: {
      readonly idle?: { readonly everyMs: number; readonly value: () => Value };
      /** Default: none; then its end or its reader ends it. */
      readonly signal?: AbortSignal;
    } = {},
  ): AsyncGenerator<Value, void, void> {
    const { signal, idle } = options;
    for (;;) {
      for (let value = this.#values.shift(); value !== undefined; value = this.#values.shift()) {
        yield value;
      }
      if (this.#ending !== undefined) {
        if ('error' in this.#ending) throw this.#ending.error;
        return;
      }
      const woken = await this.#changed.wait({
        signal,
        ...(idle !== undefined && { timeoutMs: idle.everyMs }),
      });
      if (woken === 'aborted') throw signal?.reason;
      if (woken === 'timeout' && idle !== undefined && this.#values.length === 0)
        yield idle.value();
    }
  }
}
