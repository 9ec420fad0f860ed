import { isDeepStrictEqual } from 'node:util';
import { invalidInput } from '../errors.ts';
import type { RunSettings } from './broker.ts';
import type { BrokerMetrics } from './broker-metrics.ts';
import type { Journal } from './journal/journal.ts';
import type { RestoredRun } from './journal/records.ts';
import { RunJournal } from './journal/run-journal.ts';
import type { BrokerConfig } from './options.ts';
import { batchTarget } from './packing.ts';
import { limitReached, runNotFound, settingsDiffer } from './refusals.ts';
import { Run, type RunFields } from './run.ts';

/** The runs of a broker, in the order they were opened. */
export class RunTable {
  readonly #config: BrokerConfig;
  readonly #metrics: BrokerMetrics;
  readonly #journal: Journal;
  readonly #runs = new Map<string, Run>();
  readonly #mayForget: (runId: string) => boolean;
  #lastOrdinal = 0;

  constructor({
    config,
    metrics,
    journal,
    restored,
    mayForget,
  }: {
    readonly config: BrokerConfig;
    readonly metrics: BrokerMetrics;
    readonly journal: Journal;
    /** In the order that the runs were opened in. */
    readonly restored: readonly RestoredRun[];
    /** Whether nothing is still to be done about a closed run. */
    readonly mayForget: (runId: string) => boolean;
  }) {
    this.#config = config;
    this.#metrics = metrics;
    this.#journal = journal;
    this.#mayForget = mayForget;
    for (const run of restored) {
      const { id, settings, policyVersion, ordinal } = run.record;
      // The clock it was opened by may have been ahead of this one.
      const openTimeMs = Math.min(run.record.openTimeMs, config.clock.nowMs());
      this.#lastOrdinal = ordinal;
      this.#add({ id, settings, policyVersion, openTimeMs, ordinal }, run);
    }
  }

  /** Opens it, or takes over the one of that id when its settings are the same. */
  open(
    id: string,
    given: RunSettings,
    policyVersion: number,
  ): { readonly run: Run; readonly existed: boolean } {
    const known = this.#runs.get(id);
    if (known !== undefined) {
      // What it left to the server stays as the server had it then.
      const maxWaitingGroups = given.maxWaitingGroups || known.settings.maxWaitingGroups;
      const differing = differingSettings(known.settings, { ...given, maxWaitingGroups });
      if (differing.length > 0) throw settingsDiffer(id, differing);
      return { run: known, existed: true };
    }
    const settings = { ...given, maxWaitingGroups: this.#maxWaitingGroups(given) };
    if (!(batchTarget(settings.batchSize) >= 1)) {
      throw invalidInput('settings.batch_size', 'must be at least 1.');
    }
    const { maxRuns } = this.#config.limits;
    if (this.#runs.size >= maxRuns && !this.#forgetOldestClosed()) {
      throw limitReached('runs', maxRuns);
    }
    this.#lastOrdinal += 1;
    const openTimeMs = this.#config.clock.nowMs();
    const fields = { id, settings, policyVersion, openTimeMs, ordinal: this.#lastOrdinal };
    return { run: this.#add(fields), existed: false };
  }

  /** Where a run leaves it open: the server's own, and no less than a batch takes. */
  #maxWaitingGroups({ maxWaitingGroups, batchSize }: RunSettings): number {
    if (maxWaitingGroups > 0) return maxWaitingGroups;
    const batch = batchSize.kind === 'groups' ? batchSize.groups : 1;
    return Math.max(this.#config.limits.maxWaitingGroups, batch);
  }

  #add(fields: RunFields, restored?: RestoredRun): Run {
    const journal = new RunJournal(this.#journal, fields.id);
    const run = new Run(fields, this.#config, this.#metrics, journal, restored);
    this.#runs.set(run.id, run);
    return run;
  }

  /** Makes room: a closed run that no batch of is held any more. False when there is none. */
  #forgetOldestClosed(): boolean {
    for (const run of this.#runs.values()) {
      if (!run.closed || run.batches.handedOut > 0 || !this.#mayForget(run.id)) continue;
      new RunJournal(this.#journal, run.id).forget(run.history.payloads());
      return this.#runs.delete(run.id);
    }
    return false;
  }

  /** Throws not_found. */
  get(id: string): Run {
    const run = this.#runs.get(id);
    if (run === undefined) throw runNotFound(id);
    return run;
  }

  find(id: string): Run | undefined {
    return this.#runs.get(id);
  }

  [Symbol.iterator](): Iterator<Run> {
    return this.#runs.values();
  }
}

function differingSettings(one: RunSettings, other: RunSettings): readonly string[] {
  const names = Object.keys(one) as (keyof RunSettings)[];
  return names.filter((name) => !isDeepStrictEqual(one[name], other[name]));
}
