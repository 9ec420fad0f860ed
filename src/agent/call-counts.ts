import type { PreparedCall } from './prepare-calls.ts';

/** Calls made so far; by name for known tools only, so that invented names can't fill it. */
export class CallCounts {
  all = 0;
  readonly #ofTool = new Map<string, number>();

  ofTool(name: string): number {
    return this.#ofTool.get(name) ?? 0;
  }

  add({ kind, call }: PreparedCall): void {
    this.all += 1;
    if (kind !== 'unknown') this.#ofTool.set(call.name, this.ofTool(call.name) + 1);
  }
}
