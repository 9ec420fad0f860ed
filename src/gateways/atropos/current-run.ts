import type { Broker, RunSettings, RunState } from '../../broker/index.ts';
import { assertRunId } from '../../contract/index.ts';
import { LachesisError } from '../../errors.ts';

/**
 * Which run of the broker the gateway serves: the one of its id, and after a reset the next of a series
 * (`atropos`, `atropos.2`, `atropos.3`). The series is read from the broker, so that it outlives the process.
 */
export class CurrentRun {
  readonly #broker: Broker;
  readonly #base: string;
  #generation: number | undefined;

  constructor(broker: Broker, base: string) {
    assertRunId(base, 'atropos run id');
    this.#broker = broker;
    this.#base = base;
  }

  /** Undefined before anybody opened it. */
  async find(): Promise<RunState | undefined> {
    this.#generation ??= await this.#newestGeneration();
    const id = this.#idOf(this.#generation);
    try {
      return await this.#broker.getRun(id);
    } catch (error) {
      if (error instanceof LachesisError && error.kind === 'not_found') return undefined;
      throw error;
    }
  }

  /** Opens it, or joins the one that is open whatever its settings: the first registration counts. */
  async open(
    settings: RunSettings,
  ): Promise<{ readonly run: RunState; readonly existed: boolean }> {
    const found = await this.find();
    if (found?.closed === false) return { run: found, existed: true };
    if (found?.closed === true) this.#next();
    try {
      return await this.#broker.openRun(this.#idOf(this.#generation ?? 1), settings, 0);
    } catch (error) {
      const raced = await this.find();
      if (raced?.closed === false) return { run: raced, existed: true };
      throw error;
    }
  }

  /** Closes it, so that the next registration opens another. Its groups stay readable. */
  async reset(): Promise<void> {
    const found = await this.find();
    if (found === undefined) return;
    if (!found.closed) await this.#broker.closeRun(found.id);
    this.#next();
  }

  #next(): void {
    this.#generation = (this.#generation ?? 1) + 1;
  }

  #idOf(generation: number): string {
    return generation === 1 ? this.#base : `${this.#base}.${generation}`;
  }

  async #newestGeneration(): Promise<number> {
    let newest = 1;
    let closed = false;
    for (const run of await this.#broker.listRuns()) {
      const generation = this.#generationOf(run.id);
      if (generation === undefined || generation < newest) continue;
      newest = generation;
      closed = run.closed;
    }
    return closed ? newest + 1 : newest;
  }

  #generationOf(id: string): number | undefined {
    if (id === this.#base) return 1;
    if (!id.startsWith(`${this.#base}.`)) return undefined;
    const generation = Number(id.slice(this.#base.length + 1));
    return Number.isSafeInteger(generation) && generation > 1 ? generation : undefined;
  }
}
