import { untilAborted } from '../async/index.ts';
import type { StoredGroup } from './broker.ts';
import type { CutBatch } from './cut-batch.ts';

/**
 * Reads what is kept of batches before somebody is handed them, each once however many ranks ask for it
 * meanwhile: what is damaged shows while it is still certain who had the batch.
 */
export class BatchChecks {
  readonly #closing: AbortSignal;
  readonly #running = new Map<CutBatch, Promise<ReadonlySet<StoredGroup>>>();

  /** Checks end when `closing` fires. */
  constructor(closing: AbortSignal) {
    this.#closing = closing;
  }

  /** The damaged groups of the batch. Rejects when some can't be read for now. */
  async check(cut: CutBatch, signal: AbortSignal): Promise<ReadonlySet<StoredGroup>> {
    let running = this.#running.get(cut);
    if (running === undefined) {
      running = this.#read(cut).finally(() => this.#running.delete(cut));
      // Whoever asked may have left.
      running.catch(() => {});
      this.#running.set(cut, running);
    }
    return await untilAborted(running, { signal });
  }

  /** One after the other, so that no more than one block of it is in memory. */
  async #read({ groups }: CutBatch): Promise<ReadonlySet<StoredGroup>> {
    const damaged = new Set<StoredGroup>();
    for (const group of groups) {
      const state = await group.payload.check({ signal: this.#closing });
      if (state === 'damaged') damaged.add(group);
    }
    return damaged;
  }
}
