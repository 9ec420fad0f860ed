import type { Broker, RunState, StoredGroup } from '../../broker/index.ts';
import { LachesisError } from '../../errors.ts';
import { CurrentRun } from './current-run.ts';
import { runSettingsOf } from './trainer-registration.ts';

/** No batch is that large: what waits in the run stays. */
const NO_BATCH = 2 ** 31 - 1;

/**
 * Groups that were pushed before a trainer said what a batch is. They wait in a run of their own beside
 * the one that is served (`atropos.early`), so that they are as safe as any other, and leave it for that
 * one, under their ids, when it is opened.
 */
export class EarlyRun {
  readonly #broker: Broker;
  readonly #series: CurrentRun;
  readonly #maxSequences: number;
  /** Undefined until it was looked for. */
  #isOpen: boolean | undefined;
  /** Position of the last group that left. */
  #left = 0;
  #isLeaving = false;
  readonly #arriving = new Set<Promise<unknown>>();

  constructor(broker: Broker, servedRunId: string, maxSequences: number) {
    this.#broker = broker;
    this.#series = new CurrentRun(broker, `${servedRunId}.early`);
    this.#maxSequences = maxSequences;
  }

  /** Of the groups that wait in it. */
  async waiting(): Promise<{ readonly groups: number; readonly sequences: number }> {
    const run = await this.#find();
    if (run === undefined) return { groups: 0, sequences: 0 };
    const { waitingGroups, waitingRows } = await this.#broker.status(run.id);
    return { groups: waitingGroups, sequences: waitingRows };
  }

  /** `put` stores into it. False, and nothing is stored, while its groups leave: there is a run by now. */
  async arrive(sequences: number, put: (run: RunState) => Promise<void>): Promise<boolean> {
    if (this.#isLeaving) return false;
    const arriving = this.#arrive(sequences, put);
    this.#arriving.add(arriving);
    try {
      await arriving;
      return true;
    } finally {
      this.#arriving.delete(arriving);
    }
  }

  /**
   * Hands each group to `leave`, oldest first, and closes it behind the last. What throws stays, and all
   * behind it, for the next time.
   */
  async leave(leave: (group: StoredGroup) => Promise<void>): Promise<void> {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    try {
      await Promise.allSettled(this.#arriving);
      const run = await this.#find();
      if (run === undefined) return;
      for await (const { position, group } of this.#broker.scanGroups(run.id, this.#left)) {
        await leave(group);
        this.#left = position;
      }
      await this.clear();
    } finally {
      this.#isLeaving = false;
    }
  }

  /** Closes it: what it holds goes to no run. */
  async clear(): Promise<void> {
    if ((await this.#find()) === undefined) return;
    await this.#series.reset();
    this.#isOpen = false;
    this.#left = 0;
  }

  async #arrive(sequences: number, put: (run: RunState) => Promise<void>): Promise<void> {
    const waiting = await this.waiting();
    if (waiting.sequences + sequences > this.#maxSequences) throw noRun();
    const { run } = await this.#series.open(runSettingsOf({ batchSize: NO_BATCH }, 0));
    this.#isOpen = true;
    await put(run);
  }

  async #find(): Promise<RunState | undefined> {
    if (this.#isOpen === false) return undefined;
    const run = await this.#series.find();
    this.#isOpen = run !== undefined && !run.closed;
    return this.#isOpen ? run : undefined;
  }
}

function noRun(): LachesisError {
  return new LachesisError(
    'resource_exhausted',
    'No trainer has registered, and as many groups wait for one as are kept.',
    { reason: 'NO_RUN', remedy: 'Register a trainer, or send it later.', retryAfterMs: 5_000 },
  );
}
