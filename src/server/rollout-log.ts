import { Notifier } from '../async/index.ts';
import {
  type Assignment,
  messageBytes,
  type Rollout,
  type RolloutProgress,
  rolloutIdsOf,
  taskKeyOf,
} from '../contract/index.ts';
import { firstTryOf } from '../environment/index.ts';
import { LachesisError } from '../errors.ts';
import { approximateBytes } from './approximate-bytes.ts';

/** An event under its sequence, which rises by 1 over all events of a server. */
export interface LoggedEvent {
  readonly sequence: number;
  readonly timeMs: number;
  readonly event: RolloutProgress;
  /** From 1. */
  readonly attempt: number;
  /** Turns of its rollout so far that were left untold. */
  readonly missedTurns: number;
}

/** What rollouts are played for, as known before any event of theirs. */
export interface DispatchedGroup {
  readonly groupId: string;
  /** Empty for play outside of any run. */
  readonly runId: string;
  readonly environment: string;
  /** Empty while unknown. */
  readonly taskKey: string;
  /** From 1. */
  readonly attempt: number;
  /** By index. */
  readonly rolloutIds: readonly string[];
}

/** What an assignment's rollouts are played for, at one attempt. */
export function dispatchedGroup(assignment: Assignment, attempt = 1): DispatchedGroup {
  const { id, runId, environment } = assignment;
  const rolloutIds = rolloutIdsOf(assignment, attempt);
  const taskKey = taskKeyOf(assignment);
  return { groupId: id, runId, environment, taskKey, attempt, rolloutIds };
}

/** What is known of a dispatched rollout. */
export interface RolloutState {
  /** `waiting` until its first event, `finished` from its terminal one on. */
  readonly kind: 'waiting' | 'running' | 'finished';
  readonly rolloutId: string;
  readonly index: number;
  readonly group: DispatchedGroup;
  /** Of the last turn told; 0 before the first. */
  readonly lastTurn: number;
  /** Turns so far that were left untold. */
  readonly missedTurns: number;
}

export interface RolloutLogLimits {
  /** Events that are kept for watchers. */
  readonly maxEvents: number;
  /** Text that kept events may hold, in bytes, roughly. */
  readonly maxEventBytes: number;
  /** Finished rollouts that are kept for GetRollout, in bytes, roughly; the newest is always kept. */
  readonly maxRolloutBytes: number;
}

export const DEFAULT_ROLLOUT_LOG_LIMITS: RolloutLogLimits = Object.freeze({
  maxEvents: 20_000,
  maxEventBytes: 64 * 1_048_576,
  maxRolloutBytes: 256 * 1_048_576,
});

/**
 * What happened to rollouts, for watchers. Invariants: sequences have no gap; a rollout has at most
 * one `finished`, after which nothing of it is logged; what is kept of ended
 * rollouts is bounded by the limits. Open ones are bounded by whoever dispatches them.
 */
export class RolloutLog {
  readonly #limits: RolloutLogLimits;
  readonly #events: (LoggedEvent & { readonly bytes: number })[] = [];
  /** Events before this index of the array are dropped; compacted now and then, so dropping is O(1). */
  #head = 0;
  #eventBytes = 0;
  #sequence = 0;
  readonly #states = new Map<string, RolloutState>();
  readonly #groups = new Map<string, Set<string>>();
  readonly #finished = new Map<string, { readonly rollout: Rollout; readonly bytes: number }>();
  #finishedBytes = 0;
  /** Rollouts without a terminal event. */
  readonly #open = new Set<string>();
  readonly changed = new Notifier();

  constructor(limits: RolloutLogLimits = DEFAULT_ROLLOUT_LOG_LIMITS) {
    this.#limits = limits;
  }

  /** Of the newest event; 0 before the first. */
  get lastSequence(): number {
    return this.#sequence;
  }

  /** Of the oldest event that is kept; one above the newest when none is. */
  get oldestSequence(): number {
    return this.#events[this.#head]?.sequence ?? this.#sequence + 1;
  }

  /** Rollouts that have no terminal event yet. */
  open(): readonly RolloutState[] {
    return [...this.#open].flatMap((id) => this.#states.get(id) ?? []);
  }

  get openCount(): number {
    return this.#open.size;
  }

  /** Notes rollouts that will be played, before any event of theirs; known ones are left as they are. */
  dispatch(group: DispatchedGroup): void {
    for (const [index, rolloutId] of group.rolloutIds.entries()) {
      if (this.#states.has(rolloutId)) continue;
      this.#states.set(rolloutId, { ...UNPLAYED, rolloutId, index, group });
      this.#open.add(rolloutId);
      const members = this.#groups.get(group.groupId);
      if (members === undefined) this.#groups.set(group.groupId, new Set([rolloutId]));
      else members.add(rolloutId);
    }
  }

  /** Logs an event. False, and nothing logged, when its rollout has ended already, or had that turn before. */
  append(event: RolloutProgress, timeMs: number): boolean {
    const { rolloutId } = event;
    const state = this.#states.get(rolloutId) ?? this.#dispatchFrom(event);
    if (state.kind === 'finished') return false;
    const lastTurn = event.kind === 'turn' ? event.turn.index : state.lastTurn;
    if (event.kind === 'turn' && lastTurn <= state.lastTurn) return false;
    this.#sequence += 1;
    const bytes = eventBytes(event);
    const { missedTurns, group } = state;
    const stamp = { sequence: this.#sequence, timeMs, attempt: group.attempt, missedTurns };
    this.#events.push({ ...stamp, event: kept(event), bytes });
    this.#eventBytes += bytes;
    if (event.kind === 'finished') {
      this.#open.delete(rolloutId);
      this.#keep(event.rollout);
    }
    const kind = event.kind === 'finished' ? 'finished' : 'running';
    this.#states.set(rolloutId, { ...state, kind, lastTurn });
    this.#dropOldEvents();
    this.changed.notify();
    return true;
  }

  /** As many of the rollout's turns so far were left untold, which its next event says. */
  missed(rolloutId: string, turns: number): void {
    const state = this.#states.get(rolloutId);
    if (state === undefined || turns <= state.missedTurns) return;
    this.#states.set(rolloutId, { ...state, missedTurns: turns });
  }

  /**
   * Events after `sequence`, oldest first, at most `max`. Throws `out_of_range` with
   * `oldest_sequence` when the next one is dropped already or lies beyond the newest.
   */
  read(sequence: number, max: number): readonly LoggedEvent[] {
    const oldest = this.oldestSequence;
    // 0 asks for all that is kept.
    const from = sequence === 0 ? oldest : sequence + 1;
    if (from < oldest) {
      throw new LachesisError('out_of_range', `events up to ${oldest - 1} are no longer kept.`, {
        reason: 'SEQUENCE_TOO_OLD',
        remedy: `Watch after ${oldest - 1}, and get what was missed with GetRollout.`,
        metadata: { oldest_sequence: String(oldest) },
      });
    }
    if (from > this.#sequence + 1) {
      throw new LachesisError(
        'out_of_range',
        `${sequence} is beyond the newest event, ${this.#sequence}.`,
        {
          reason: 'SEQUENCE_TOO_NEW',
          remedy: 'The server has started anew (see instance_id): watch after 0.',
          metadata: { oldest_sequence: String(oldest) },
        },
      );
    }
    const start = this.#head + (from - oldest);
    return this.#events.slice(start, start + max);
  }

  /** Undefined when it was never dispatched, or ended so long ago that its events are dropped. */
  stateOf(rolloutId: string): RolloutState | undefined {
    return this.#states.get(rolloutId);
  }

  /** The rollouts of a group that are known; empty for none. */
  rolloutsOf(groupId: string): readonly string[] {
    return [...(this.#groups.get(groupId) ?? [])];
  }

  /** A finished rollout, while it is kept. */
  finished(rolloutId: string): Rollout | undefined {
    return this.#finished.get(rolloutId)?.rollout;
  }

  /** What is kept of the events of one rollout, oldest first. */
  eventsOf(rolloutId: string): readonly LoggedEvent[] {
    return this.#events.slice(this.#head).filter(({ event }) => event.rolloutId === rolloutId);
  }

  #dispatchFrom(event: RolloutProgress): RolloutState {
    const { rolloutId, groupId } = event;
    const started = event.kind === 'started' ? event : undefined;
    // A rollout of a known group, such as one that is played again, is of that group's run.
    const [sibling = ''] = this.#groups.get(groupId) ?? [];
    const first = this.#states.get(firstTryOf(rolloutId));
    const known = first ?? this.#states.get(sibling);
    const { runId = '', environment = '', attempt = 1 } = known?.group ?? {};
    const index = started?.index ?? first?.index ?? 0;
    const taskKey = started?.taskKey ?? first?.group.taskKey ?? '';
    const group = { groupId, runId, environment, taskKey, attempt, rolloutIds: [rolloutId] };
    this.dispatch(group);
    const state: RolloutState = { ...UNPLAYED, rolloutId, index, group };
    this.#states.set(rolloutId, state);
    return state;
  }

  #keep(rollout: Rollout): void {
    const bytes = approximateBytes(rollout);
    this.#finished.set(rollout.id, { rollout, bytes });
    this.#finishedBytes += bytes;
    for (const [id, kept] of this.#finished) {
      if (this.#finishedBytes <= this.#limits.maxRolloutBytes || id === rollout.id) break;
      this.#finished.delete(id);
      this.#finishedBytes -= kept.bytes;
    }
  }

  #dropOldEvents(): void {
    const { maxEvents, maxEventBytes } = this.#limits;
    while (
      this.#events.length - this.#head > maxEvents ||
      (this.#eventBytes > maxEventBytes && this.#events.length - this.#head > 1)
    ) {
      const dropped = this.#events[this.#head];
      this.#head += 1;
      if (dropped === undefined) break;
      this.#eventBytes -= dropped.bytes;
      if (dropped.event.kind === 'finished') this.#forget(dropped.event);
    }
    if (this.#head > 1_024 && this.#head * 2 > this.#events.length) {
      this.#events.splice(0, this.#head);
      this.#head = 0;
    }
  }

  #forget({ rolloutId, groupId }: RolloutProgress): void {
    this.#states.delete(rolloutId);
    const members = this.#groups.get(groupId);
    members?.delete(rolloutId);
    if (members?.size === 0) this.#groups.delete(groupId);
  }
}

const UNPLAYED = Object.freeze({ kind: 'waiting', lastTurn: 0, missedTurns: 0 });

/** Without what only GetRollout gives, so that a kept event does not keep a whole rollout. */
function kept(event: RolloutProgress): RolloutProgress {
  if (event.kind !== 'finished') return event;
  const { rollout } = event;
  const result = { ...rollout.result, messages: [], turns: [] };
  return { ...event, rollout: { ...rollout, segments: [], result } };
}

function eventBytes(event: RolloutProgress): number {
  if (event.kind !== 'turn') return 1_024;
  return 512 + event.messages.reduce((sum, message) => sum + messageBytes(message), 0);
}
