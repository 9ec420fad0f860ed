import type { EnvironmentShare, RunSettings } from './broker.ts';
import { Capacity } from './capacity.ts';
import { GroupsInPlay } from './groups-in-play.ts';
import type { QueueRecord } from './journal/records.ts';
import { MinimumShares } from './minimum-shares.ts';
import type { BrokerConfig } from './options.ts';
import { batchTarget, selectBatch } from './packing.ts';
import { RunGate } from './run-gate.ts';
import { selectShared } from './select-shared.ts';
import type { Deficits } from './share-turns.ts';
import {
  unitsOf,
  type WaitingGroup,
  WaitingGroups,
  type WaitingObserver,
} from './waiting-groups.ts';

/**
 * What of a run comes before its batches: the groups that wait, those that play, and the decisions which
 * may join them and which are the next batch.
 */
export class RunQueue {
  readonly waiting: WaitingGroups;
  readonly playing: GroupsInPlay;
  readonly gate: RunGate;
  readonly #settings: RunSettings;
  readonly #minimums: MinimumShares;
  readonly #capacity: Capacity;
  #shares: ReadonlyMap<string, EnvironmentShare> = new Map();
  #deficits: Deficits;
  /** Before the last batch was taken; unknown after a restart, and then not taken back. */
  #deficitsBefore: Deficits | undefined;

  constructor(fields: {
    readonly runId: string;
    readonly settings: RunSettings;
    readonly config: BrokerConfig;
    readonly visit: (groups: number) => void;
    readonly restored?: QueueRecord | undefined;
    readonly observer?: WaitingObserver;
  }) {
    const { settings, config, visit, restored, observer } = fields;
    const { batchSize, shares, maxStaleness, admission: policy } = settings;
    const target = batchTarget(batchSize);
    const nowMs = config.clock.nowMs();
    this.#settings = settings;
    this.#deficits = restored?.deficits ?? {};
    this.waiting = new WaitingGroups(batchSize.kind, visit, observer);
    this.playing = new GroupsInPlay(batchSize.kind, target, restored?.seen);
    this.#capacity = new Capacity({ policy, maxStaleness, target }, restored?.unpublished);
    this.#minimums = new MinimumShares(config.assignmentLeaseMs);
    this.gate = new RunGate({
      ...{ runId: fields.runId, settings, config },
      ...{ waiting: this.waiting, playing: this.playing },
      ...{ minimums: this.#minimums, capacity: this.#capacity },
    });
    this.setShares(shares, nowMs);
  }

  /** From now on batches are shaped by these. Costs what waits. */
  setShares(shares: readonly EnvironmentShare[], nowMs: number): void {
    this.#shares = new Map(shares.map((share) => [share.environment, share]));
    this.waiting.relane(shares.length > 0 ? ({ environment }) => environment : undefined);
    this.#minimums.set(shares, batchTarget(this.#settings.batchSize), nowMs);
    this.gate.changed();
  }

  record(): QueueRecord {
    const { unpublished } = this.#capacity;
    return { deficits: this.#deficits, unpublished, seen: this.playing.seen };
  }

  /** What waits, in what batches count. */
  get units(): number {
    return this.waiting[this.#settings.batchSize.kind];
  }

  /** A group that was admitted. */
  accept(waiting: WaitingGroup): void {
    this.add(waiting);
    this.playing.saw(unitsOf(this.#settings.batchSize.kind, waiting), waiting.bytes);
  }

  /** A group that a journal has. */
  add(waiting: WaitingGroup): void {
    this.gate.changed();
    this.waiting.add(waiting);
  }

  /** The next batch, which is taken out; undefined when what waits fills none. */
  take(): readonly WaitingGroup[] | undefined {
    const before = this.#deficits;
    const taken = this.#select();
    if (taken === undefined) return undefined;
    for (const waiting of taken) this.waiting.remove(waiting);
    this.#deficitsBefore = before;
    this.#capacity.cut();
    return taken;
  }

  /** The batch that was taken last never was: these of it wait again. */
  untake(groups: readonly WaitingGroup[]): void {
    for (const waiting of groups) this.waiting.putBack(waiting);
    this.#deficits = this.#deficitsBefore ?? this.#deficits;
    this.#deficitsBefore = undefined;
    this.#capacity.uncut();
    this.gate.changed();
  }

  #select(): readonly WaitingGroup[] | undefined {
    const { batchSize } = this.#settings;
    let taken: readonly WaitingGroup[] | undefined;
    if (this.#shares.size === 0) taken = selectBatch(batchSize, this.waiting);
    else {
      const target = batchTarget(batchSize);
      const shared = selectShared(batchSize, target, this.waiting, this.#shares, this.#deficits);
      this.#deficits = shared?.deficits ?? this.#deficits;
      taken = shared?.groups;
    }
    this.gate.tried(taken !== undefined);
    return taken;
  }

  /** Removes and returns what is older than the run allows. */
  evictBelow(version: number): readonly WaitingGroup[] {
    const stale = this.waiting.evictBelow(version);
    if (stale.length > 0) this.gate.changed();
    return stale;
  }

  /** A sign of life of an environment. Returns until when it counts, where a batch may wait for it. */
  heard(environment: string, nowMs: number): number | undefined {
    return this.#minimums.heard(environment, nowMs);
  }

  /** A consumer asked for a batch in vain. */
  asked(nowMs: number): void {
    this.#capacity.asked(nowMs);
  }

  /** A policy version was published, so many on; so many batches are open. */
  published(versions: number, openBatches: number): void {
    this.#capacity.published(versions, openBatches);
  }

  /** When time alone will next change what may be cut or begun. */
  nextMs(nowMs: number): number | undefined {
    const releaseMs = this.#minimums.nextReleaseMs(nowMs) ?? Infinity;
    const nextMs = Math.min(releaseMs, this.#capacity.nextMs(nowMs) ?? Infinity);
    return nextMs === Infinity ? undefined : nextMs;
  }
}
