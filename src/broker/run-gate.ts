import { type AdmissionState, admit, creditsOf } from './admission.ts';
import type { RunSettings, StoredGroup } from './broker.ts';
import type { BrokerConfig } from './options.ts';
import { batchTarget, canCut, groupWeight } from './packing.ts';
import { largerThanBatch, largerThanQueue, queueFull } from './refusals.ts';
import type { DropReason } from './run-figures.ts';
import { isFresh, oldestAllowedVersion } from './staleness.ts';
import { isUniform } from './uniform-rewards.ts';
import type { WaitingGroups } from './waiting-groups.ts';

/** What of a run decides which groups may wait, and whether a cut is worth trying. */
export class RunGate {
  readonly #runId: string;
  readonly #settings: RunSettings;
  readonly #waiting: WaitingGroups;
  readonly #config: BrokerConfig;
  /** Whether the waiting groups fill a batch; undefined when they changed since it was asked. */
  #cuttable: boolean | undefined;

  constructor(runId: string, settings: RunSettings, waiting: WaitingGroups, config: BrokerConfig) {
    this.#runId = runId;
    this.#settings = settings;
    this.#waiting = waiting;
    this.#config = config;
  }

  get credits(): number {
    return creditsOf(this.#state());
  }

  /** False when it is known that no batch can be cut. */
  get mayCut(): boolean {
    return this.#cuttable !== false;
  }

  /** Other groups wait than before. */
  changed(): void {
    this.#cuttable = undefined;
  }

  /** A cut was tried in vain. */
  foundNone(): void {
    this.#cuttable = false;
  }

  /** Why an accepted group leaves at once; undefined for one that waits. */
  unfit(group: StoredGroup, version: number, policyVersion: number): DropReason | undefined {
    // Groups that a direct model played have transcripts alone: counted in groups, they fill a batch.
    const needsRows = this.#settings.batchSize.kind !== 'groups';
    if (needsRows && group.rows.length === 0) return 'no_rows';
    if (this.#settings.dropUniformGroups && isUniform(group.rewards)) return 'uniform_rewards';
    return isFresh(version, oldestAllowedVersion(policyVersion, this.#settings.maxStaleness))
      ? undefined
      : 'stale';
  }

  /** Throws for one that is larger than what it must fit in, and while there is no room. */
  assertAdmitted(group: StoredGroup): void {
    const bytes = group.payload.byteLength;
    const { batchSize } = this.#settings;
    const weight = groupWeight(batchSize, group);
    const target = batchTarget(batchSize);
    if (weight > target) throw largerThanBatch(group.id, weight, batchSize.kind, target);
    const { maxWaitingBytes } = this.#config.limits;
    if (bytes > maxWaitingBytes) throw largerThanQueue(group.id, bytes, maxWaitingBytes);
    const admission = admit(this.#state(), bytes);
    if (admission.kind === 'held') {
      throw queueFull(this.#runId, admission.by, this.#config.retryAfterMs);
    }
  }

  #state(): AdmissionState {
    const { limits } = this.#config;
    return {
      waitingGroups: this.#waiting.groups,
      waitingBytes: this.#waiting.bytes,
      maxWaitingGroups: this.#settings.maxWaitingGroups || limits.maxWaitingGroups,
      maxWaitingBytes: limits.maxWaitingBytes,
      batchTarget: batchTarget(this.#settings.batchSize),
      canCut: () => {
        this.#cuttable ??= canCut(this.#settings.batchSize, this.#waiting);
        return this.#cuttable;
      },
    };
  }
}
