import { type Admission, type AdmissionState, admit } from './admission.ts';
import type { StoredAssignment } from './assignment-event.ts';
import type { RunSettings, StoredGroup } from './broker.ts';
import type { Capacity, OnItsWay } from './capacity.ts';
import type { GroupsInPlay } from './groups-in-play.ts';
import type { MinimumShares } from './minimum-shares.ts';
import type { BrokerConfig } from './options.ts';
import { batchTarget, canCut, groupWeight } from './packing.ts';
import { largerThanBatch, largerThanQueue, queueFull } from './refusals.ts';
import type { WaitingGroups } from './waiting-groups.ts';

/** What the gate of a run weighs. */
export interface RunGateRooms {
  readonly runId: string;
  readonly settings: RunSettings;
  readonly config: BrokerConfig;
  readonly waiting: WaitingGroups;
  readonly playing: GroupsInPlay;
  readonly minimums: MinimumShares;
  readonly capacity: Capacity;
}

/**
 * Which groups may wait, which may be begun, and whether a cut is worth trying. A group that is begun has
 * a place kept for it, so that it does not wait at the door when it is done: others are only taken in, and
 * further ones begun, where there is room beside it.
 */
export class RunGate {
  readonly #rooms: RunGateRooms;
  readonly #target: number;
  /** Whether the waiting groups fill a batch; undefined when they changed since it was asked. */
  #cuttable: boolean | undefined;
  /** A group that a batch waits for found no room: waiting for it would be for ever. */
  #crowdedOut = false;

  constructor(rooms: RunGateRooms) {
    this.#rooms = rooms;
    this.#target = batchTarget(rooms.settings.batchSize);
  }

  /** False when it is known that no batch can be cut. */
  mayCut(nowMs: number): boolean {
    return this.#cuttable !== false && !this.#isHeld(nowMs);
  }

  get isCrowdedOut(): boolean {
    return this.#crowdedOut;
  }

  /** Other groups wait than before. */
  changed(): void {
    this.#cuttable = undefined;
  }

  /** A cut was tried: in vain, or it made room. */
  tried(found: boolean): void {
    this.#cuttable = found ? undefined : false;
    if (found) this.#crowdedOut = false;
  }

  /** Whether a group may wait now; any, where none is given. */
  hasRoom(group: StoredGroup | undefined, nowMs: number): boolean {
    return group === undefined
      ? admit(this.#state(undefined, 0, nowMs), 1).kind === 'admitted'
      : this.#admission(group, nowMs).kind === 'admitted';
  }

  /** Throws for one that is larger than what it must fit in, and while there is no room. */
  assertAdmitted(group: StoredGroup, nowMs: number): void {
    const { runId, settings, config, minimums, waiting } = this.#rooms;
    const bytes = group.payload.byteLength;
    const { batchSize } = settings;
    const weight = groupWeight(batchSize, group);
    if (weight > this.#target) {
      throw largerThanBatch(group.id, weight, batchSize.kind, this.#target);
    }
    const { maxWaitingBytes } = config.limits;
    if (bytes > maxWaitingBytes) throw largerThanQueue(group.id, bytes, maxWaitingBytes);
    const admission = this.#admission(group, nowMs);
    if (admission.kind === 'admitted') return;
    const { environment } = group;
    this.#crowdedOut ||= minimums.waitsFor(environment, waiting.unitsIn(environment), nowMs);
    throw queueFull(runId, admission.by, config.retryAfterMs);
  }

  #admission(group: StoredGroup, nowMs: number): Admission {
    const { playing } = this.#rooms;
    const kept = playing.has(group.id) ? 0 : playing.groups;
    return admit(this.#state(group.environment, kept, nowMs), group.payload.byteLength);
  }

  /** Whether this assignment may be begun. */
  mayBegin(assignment: StoredAssignment, handedOut: number, nowMs: number): boolean {
    const { capacity, playing } = this.#rooms;
    const units = playing.unitsOf(assignment);
    return (
      this.#hasPlace(assignment.environment, nowMs) &&
      capacity.groups(units, this.#onItsWay(handedOut), nowMs) > 0
    );
  }

  /** How many groups may be begun; one at a time while past the queue's limit. */
  credits(handedOut: number, nowMs: number): number {
    const { capacity, playing, waiting } = this.#rooms;
    if (!this.#hasPlace(undefined, nowMs)) return 0;
    const places = Math.max(
      1,
      this.#rooms.settings.maxWaitingGroups - waiting.groups - playing.groups,
    );
    const begun = capacity.groups(playing.unitsOf(), this.#onItsWay(handedOut), nowMs);
    return Math.min(places, begun);
  }

  /** Whether there is a place to keep for one more group. */
  #hasPlace(environment: string | undefined, nowMs: number): boolean {
    const { playing, waiting, settings, config } = this.#rooms;
    const { groups } = playing;
    const bytes = waiting.bytes + (groups + 1) * playing.meanBytes;
    if (bytes > config.limits.maxWaitingBytes && waiting.groups + groups > 0) return false;
    const state = this.#state(environment, groups, nowMs);
    if (state.waitingGroups < state.maxWaitingGroups) return true;
    if (admit(state, 1).kind === 'held') return false;
    // Past the limit only what it takes to fill a batch: when that comes, the rest would be held.
    return groups === 0 || waiting[settings.batchSize.kind] + playing.units < this.#target;
  }

  #onItsWay(handedOut: number): OnItsWay {
    const { waiting, playing, settings } = this.#rooms;
    return {
      waiting: waiting[settings.batchSize.kind],
      playing: playing.units,
      canCut: () => this.#canCut(),
      handedOut,
    };
  }

  /** `kept` is how many places are kept for others. */
  #state(environment: string | undefined, kept: number, nowMs: number): AdmissionState {
    const { waiting, config, minimums } = this.#rooms;
    return {
      waitingGroups: waiting.groups + kept,
      waitingBytes: waiting.bytes,
      maxWaitingGroups: this.#rooms.settings.maxWaitingGroups,
      maxWaitingBytes: config.limits.maxWaitingBytes,
      batchTarget: this.#target,
      isAwaited:
        environment !== undefined &&
        minimums.waitsFor(environment, waiting.unitsIn(environment), nowMs),
      canCut: () => this.#canCut(),
    };
  }

  #canCut(): boolean {
    this.#cuttable ??= canCut(this.#rooms.settings.batchSize, this.#rooms.waiting);
    return this.#cuttable;
  }

  /** Whether a batch waits for an environment that is short of its minimum. */
  #isHeld(nowMs: number): boolean {
    const { minimums, waiting } = this.#rooms;
    if (this.#crowdedOut) return false;
    return minimums.waitsForAny((environment) => waiting.unitsIn(environment), nowMs);
  }
}
