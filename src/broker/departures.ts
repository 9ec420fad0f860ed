import type { StoredGroup } from './broker.ts';
import type { BrokerMetrics } from './broker-metrics.ts';
import type { GroupHistory } from './group-history.ts';
import type { DropReason, RunFigures } from './run-figures.ts';

/** The groups of a run that leave it without being trained, each counted by its reason. */
export class Departures {
  readonly #figures: RunFigures;
  readonly #metrics: BrokerMetrics;
  readonly #history: GroupHistory;

  constructor(figures: RunFigures, metrics: BrokerMetrics, history: GroupHistory) {
    this.#figures = figures;
    this.#metrics = metrics;
    this.#history = history;
  }

  drop(reason: DropReason, groups: readonly StoredGroup[]): void {
    this.#count(reason, groups.length);
    for (const group of groups) this.#history.settle(group.id);
  }

  /** Their bytes are damaged, and nobody ever had them. */
  lose(groups: Iterable<StoredGroup>): void {
    for (const group of groups) {
      this.#count('damaged', 1);
      this.#history.lose(group.id);
    }
  }

  #count(reason: DropReason, groups: number): void {
    if (groups === 0) return;
    this.#figures.drop(reason, groups);
    this.#metrics.dropped(reason, groups);
  }
}
