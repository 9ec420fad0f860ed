/** Values by run and id: two runs may use the same ids. The run is empty for play outside of any. */
export class ByRun<Value> {
  readonly #values = new Map<string, Value>();
  readonly #sizes = new Map<string, number>();

  get(runId: string, id: string): Value | undefined {
    return this.#values.get(keyOf(runId, id));
  }

  set(runId: string, id: string, value: Value): void {
    const before = this.#values.size;
    this.#values.set(keyOf(runId, id), value);
    if (this.#values.size > before) this.#sizes.set(runId, this.sizeOf(runId) + 1);
  }

  delete(runId: string, id: string): void {
    if (!this.#values.delete(keyOf(runId, id))) return;
    const left = this.sizeOf(runId) - 1;
    if (left > 0) this.#sizes.set(runId, left);
    else this.#sizes.delete(runId);
  }

  sizeOf(runId: string): number {
    return this.#sizes.get(runId) ?? 0;
  }

  /** The runs that have the id, by a look at each. */
  runsOf(id: string): readonly string[] {
    return [...this.#sizes.keys()].filter((runId) => this.#values.has(keyOf(runId, id)));
  }

  values(): MapIterator<Value> {
    return this.#values.values();
  }
}

/** A run's id holds no space. */
function keyOf(runId: string, id: string): string {
  return `${runId} ${id}`;
}
