/** When each consumer was heard last. Of this process alone: a restart begins it anew. */
export class Presence {
  readonly #seenMs = new Map<string, number>();
  readonly #waiting = new Map<string, number>();

  saw(id: string, nowMs: number): void {
    this.#seenMs.set(id, nowMs);
  }

  /** It waits for a batch, which is being here, until this is disposed of. */
  waits(id: string, nowMs: () => number): Disposable {
    this.#waiting.set(id, (this.#waiting.get(id) ?? 0) + 1);
    return {
      [Symbol.dispose]: () => {
        const left = (this.#waiting.get(id) ?? 0) - 1;
        if (left > 0) this.#waiting.set(id, left);
        else this.#waiting.delete(id);
        // One that was taken away meanwhile stays forgotten.
        if (this.#seenMs.has(id)) this.saw(id, nowMs());
      },
    };
  }

  /** How long ago that was; undefined for one that was not heard yet. */
  agoMs(id: string, nowMs: number): number | undefined {
    if (this.#waiting.has(id)) return 0;
    const seenMs = this.#seenMs.get(id);
    return seenMs === undefined ? undefined : Math.max(0, nowMs - seenMs);
  }

  forget(id: string): void {
    this.#seenMs.delete(id);
  }
}
