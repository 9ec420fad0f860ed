import { RunningMean } from './running-mean.ts';

/** The mean of a named number, over the rollouts that have it. */
export interface NamedMean {
  readonly name: string;
  readonly mean: number;
  /** Rollouts that have it; the others are in no mean of it. */
  readonly count: number;
}

/** A name per task would fill memory; nobody reads so many means. */
export const MAX_NAMES = 256;
const MAX_NAME_LENGTH = 256;

/**
 * Adds up numbers by name: the first 256 names, in the order in which they came. Names after those, and
 * names of more than 256 characters, are left out, and `isCut` says so.
 */
export class NamedMeans {
  readonly #sums = new Map<string, RunningMean>();
  #isCut = false;

  /** Whether names were left out. */
  get isCut(): boolean {
    return this.#isCut;
  }

  add(name: string, value: number): void {
    let held = this.#sums.get(name);
    if (held === undefined) {
      if (this.#sums.size >= MAX_NAMES || name.length > MAX_NAME_LENGTH) {
        this.#isCut = true;
        return;
      }
      held = new RunningMean();
      this.#sums.set(name, held);
    }
    held.add(value);
  }

  means(): readonly NamedMean[] {
    return [...this.#sums].map(([name, { count, mean }]) => ({ name, count, mean }));
  }
}

/** What rollouts say beside their rewards, as means. */
export interface RolloutMeans {
  readonly metrics: readonly NamedMean[];
  /** Of reward components, before weighting. */
  readonly components: readonly NamedMean[];
  /** Whether there were names beyond the bounds, of either. */
  readonly namesLeftOut: boolean;
}

/** The means of rollouts' metrics and of their rewards' components. */
export class MeansOfRollouts {
  readonly #metrics = new NamedMeans();
  readonly #components = new NamedMeans();

  add(
    metrics: Readonly<Record<string, number>>,
    components: readonly { readonly name: string; readonly value: number }[],
  ): void {
    for (const [name, value] of Object.entries(metrics)) this.#metrics.add(name, value);
    for (const { name, value } of components) this.#components.add(name, value);
  }

  figures(): RolloutMeans {
    return {
      metrics: this.#metrics.means(),
      components: this.#components.means(),
      namesLeftOut: this.#metrics.isCut || this.#components.isCut,
    };
  }
}
