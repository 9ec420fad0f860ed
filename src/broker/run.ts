import { isDeepStrictEqual } from 'node:util';
import type { DeadLetter, StoredAssignment } from './assignment-event.ts';
import { BatchLedger } from './batch-ledger.ts';
import type {
  EnvironmentShare,
  RunSettings,
  RunState,
  RunStatus,
  StoredGroup,
  SubmitOutcome,
} from './broker.ts';
import type { BrokerMetrics } from './broker-metrics.ts';
import { type CutBatch, cutBatch } from './cut-batch.ts';
import { Departures } from './departures.ts';
import { EndedAssignments } from './ended-assignments.ts';
import { giveUpBatch } from './give-up-batch.ts';
import { GroupHistory } from './group-history.ts';
import type { RestoredRun, RunRecord } from './journal/records.ts';
import { restoreBatches, restoreGroups } from './journal/restore-run.ts';
import type { RunJournal } from './journal/run-journal.ts';
import type { BrokerConfig } from './options.ts';
import { foreignEnvironment, policyVersionBehind, runClosed } from './refusals.ts';
import { type DropReason, RunFigures } from './run-figures.ts';
import { RunObserver } from './run-observer.ts';
import { RunQueue } from './run-queue.ts';
import { type RunAssignments, runStatus } from './run-status.ts';
import { oldestAllowedVersion } from './staleness.ts';
import { Training } from './training.ts';
import { unfit } from './unfit.ts';
import { waitingGroup } from './waiting-groups.ts';

const RECENT_REWARDS = 256;

/** As it was opened. */
export interface RunFields {
  readonly id: string;
  readonly settings: RunSettings;
  readonly policyVersion: number;
  readonly openTimeMs: number;
  /** In the order of being opened. */
  readonly ordinal: number;
}

/**
 * One run. Every accepted group is in exactly one place: waiting, in an open batch, or settled
 * (trained or dropped). Nothing that waits is ever staler than the run allows: whatever a new policy
 * version makes stale leaves before anything else can happen, so no cut can meet it.
 */
export class Run {
  readonly id: string;
  readonly batches: BatchLedger;
  readonly training: Training;
  readonly history: GroupHistory;
  readonly figures: RunFigures;
  readonly queue: RunQueue;
  readonly endedAssignments: EndedAssignments;
  readonly #observer: RunObserver;
  readonly #metrics: BrokerMetrics;
  readonly #opened: Pick<RunFields, 'openTimeMs' | 'ordinal'>;
  readonly #journal: RunJournal;
  readonly #departures: Departures;
  #settings: RunSettings;
  #policyVersion: number;
  #closed = false;

  constructor(
    fields: RunFields,
    config: BrokerConfig,
    metrics: BrokerMetrics,
    journal: RunJournal,
    restored?: RestoredRun,
  ) {
    this.id = fields.id;
    this.#settings = fields.settings;
    this.#policyVersion = fields.policyVersion;
    this.#opened = { openTimeMs: fields.openTimeMs, ordinal: fields.ordinal };
    this.#metrics = metrics;
    this.#journal = journal;
    this.figures = new RunFigures(RECENT_REWARDS, restored?.record.figures);
    this.history = new GroupHistory(config.limits.replayBytes, journal);
    this.#departures = new Departures(this.figures, metrics, this.history);
    this.endedAssignments = new EndedAssignments(journal, restored?.ended);
    const nowMs = config.clock.nowMs();
    this.#observer = new RunObserver({ ...fields, nowMs, restored });
    this.queue = new RunQueue({
      ...{ runId: fields.id, settings: fields.settings, config, visit: metrics.visited },
      restored: restored?.record.queue,
      observer: this.#observer,
    });
    this.batches = new BatchLedger(
      {
        ...config.limits,
        leaseMs: config.batchLeaseMs,
        journal,
        positionOf: (id) => this.history.positionOf(id) ?? 0,
      },
      restored && restoreBatches(restored, nowMs),
    );
    this.training = new Training(
      {
        ...{ runId: this.id, batches: this.batches, history: this.history },
        ...{ observer: this.#observer, metrics },
        record: () => this.#record(),
      },
      restored?.record.step,
    );
    if (restored === undefined) {
      this.#record();
      return;
    }
    this.#closed = restored.record.closed;
    const { history, queue } = this;
    const lose = (groups: readonly StoredGroup[]): void => {
      this.#departures.lose(groups);
      if (groups.length > 0) this.#record();
    };
    restoreGroups(restored, { history, queue, lose }, nowMs);
  }

  #record(): void {
    this.#journal.run(() => this.#made());
  }

  /** All that its groups', batches' and consumers' records don't say. */
  #made(): RunRecord {
    return {
      id: this.id,
      settings: this.settings,
      policyVersion: this.#policyVersion,
      ...this.#opened,
      closed: this.#closed,
      step: this.training.step,
      lastStep: this.batches.lastStep,
      committed: this.batches.finished.committed,
      queue: this.queue.record(),
      figures: {
        ...this.figures.record(),
        trainedByStaleness: this.#observer.trainedByStaleness,
      },
    };
  }

  get settings(): RunSettings {
    return this.#settings;
  }

  /** The only setting that may change. */
  setShares(shares: readonly EnvironmentShare[], nowMs: number): void {
    if (isDeepStrictEqual(shares, this.#settings.shares)) return;
    this.#settings = { ...this.#settings, shares };
    this.queue.setShares(shares, nowMs);
    this.#observer.setShares(shares);
    this.#record();
  }

  get closed(): boolean {
    return this.#closed;
  }

  get policyVersion(): number {
    return this.#policyVersion;
  }

  /** How many groups may be begun. */
  credits(nowMs: number): number {
    return this.#closed ? 0 : this.queue.gate.credits(this.batches.handedOut, nowMs);
  }

  /** Whether this assignment may be begun. */
  mayBegin(assignment: StoredAssignment, nowMs: number): boolean {
    return this.queue.gate.mayBegin(assignment, this.batches.handedOut, nowMs);
  }

  state(): RunState {
    return {
      id: this.id,
      settings: this.settings,
      policyVersion: this.#policyVersion,
      step: this.training.step,
      closed: this.#closed,
      openTimeMs: this.#opened.openTimeMs,
    };
  }

  status(nowMs: number, open: RunAssignments): RunStatus {
    const { queue, batches, figures } = this;
    return runStatus(
      { queue, batches, figures, observer: this.#observer },
      this.state(),
      open,
      nowMs,
    );
  }

  close(): void {
    this.#closed = true;
    this.#record();
  }

  /** An assignment ended without a group. */
  giveUp(letter: DeadLetter, drop: DropReason): void {
    // One that was played in vain is no dead letter.
    this.endedAssignments.add(letter.assignmentId, drop === letter.reason ? letter : undefined);
    this.figures.drop(drop);
    this.#record();
  }

  assertTakes(environment: string): void {
    if (this.#closed) throw runClosed(this.id);
    const { environments } = this.settings;
    if (environments.length > 0 && !environments.includes(environment)) {
      throw foreignEnvironment(this.id, environment, environments);
    }
  }

  /** Throws for a group that is refused as things stand. */
  check(group: StoredGroup, nowMs: number): 'new' | 'duplicate' {
    if (this.history.positionOf(group.id) !== undefined) return 'duplicate';
    this.assertTakes(group.environment);
    if (this.#unfit(group) === undefined) this.queue.gate.assertAdmitted(group, nowMs);
    return 'new';
  }

  submit(group: StoredGroup, nowMs: number): SubmitOutcome {
    const stored = this.history.positionOf(group.id);
    if (stored !== undefined) return { kind: 'duplicate', position: stored };
    this.check(group, nowMs);
    const reason = this.#unfit(group);
    const version = group.oldestPolicyVersion ?? this.#policyVersion;
    const position = this.history.add(group);
    const waiting = waitingGroup(group, { position, version, arrivedMs: nowMs });
    this.figures.accept(group);
    this.#observer.accepted(waiting, nowMs);
    this.endedAssignments.groupCame(group.id);
    this.#journal.accepted({ group, position, version, arrivedMs: nowMs });
    if (reason === undefined) this.queue.accept(waiting);
    else this.#departures.drop(reason, [group]);
    this.#record();
    return { kind: 'stored', position };
  }

  #unfit(group: StoredGroup): DropReason | undefined {
    return unfit(this.settings, group, this.#policyVersion);
  }

  /** Takes the next batch out of what waits, into the ledger. False when there is none. */
  cut(nowMs: number): boolean {
    if (this.#closed || !this.batches.canOpenMore || !this.queue.gate.mayCut(nowMs)) return false;
    this.batches.assertRoom(nowMs);
    const taken = this.queue.take();
    if (taken === undefined) return false;
    const cut = cutBatch({
      runId: this.id,
      step: this.batches.nextStep,
      policyVersion: this.#policyVersion,
      groups: taken.map(({ group }) => group),
    });
    this.batches.add(cut, nowMs);
    this.#observer.cut(cut);
    this.#journal.runLater(() => this.#made());
    this.#metrics.batch('cut');
    return true;
  }

  /** A batch can't be handed out, since what is kept of these groups of it is damaged. */
  giveUpBatch(cut: CutBatch, damaged: ReadonlySet<StoredGroup>, nowMs: number): void {
    const how = giveUpBatch(cut, damaged, {
      ...{ batches: this.batches, history: this.history, queue: this.queue, nowMs },
      ...{ departures: this.#departures, observer: this.#observer, journal: this.#journal },
      ...{ policyVersion: this.#policyVersion, maxStaleness: this.settings.maxStaleness },
    });
    if (how === 'closed') return;
    if (how === 'given_up') {
      this.figures.givenUp += 1;
      this.training.gaveUp();
    }
    this.#metrics.batch(how);
    this.#record();
  }

  /** True when it changed. What it makes stale is dropped, and counted. */
  publish(version: number): boolean {
    if (version < this.#policyVersion) throw policyVersionBehind(this.#policyVersion, version);
    if (version === this.#policyVersion) return false;
    this.queue.published(version - this.#policyVersion, this.batches.open);
    this.#policyVersion = version;
    this.#observer.published(version);
    this.#record();
    const floor = oldestAllowedVersion(version, this.settings.maxStaleness);
    if (floor !== undefined) {
      const stale = this.queue.evictBelow(floor);
      this.#departures.drop(
        'stale',
        stale.map(({ group }) => group),
      );
    }
    return true;
  }
}
