import { Notifier } from '../async/index.ts';
import { messageBytes, type Rollout, type RolloutProgress } from '../contract/index.ts';
import { firstTryOf } from '../environment/index.ts';
import { invalidInput, LachesisError } from '../errors.ts';
import { approximateBytes } from './approximate-bytes.ts';
import { ByRun } from './by-run.ts';
import type { DispatchedGroup, GroupKey, RolloutKey, RolloutState } from './rollout-state.ts';

/** An event under its sequence, which rises by 1 over all events of a server. */
export interface LoggedEvent {
  readonly sequence: number;
  readonly timeMs: number;
  /** Empty for play outside of any run. */
  readonly runId: string;
  readonly event: RolloutProgress;
  /** From 1. */
  readonly attempt: number;
  /** Turns of its rollout so far that were left untold. */
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

interface KeptRollout {
  readonly rollout: Rollout;
  readonly runId: string;
  readonly bytes: number;
}

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
  readonly #states = new ByRun<RolloutState>();
  readonly #groups = new ByRun<Set<string>>();
  readonly #finished = new ByRun<KeptRollout>();
  #finishedBytes = 0;
  #openCount = 0;
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
    return [...this.#states.values()].filter(({ kind }) => kind !== 'finished');
  }

  get openCount(): number {
    return this.#openCount;
  }

  /** Notes rollouts that will be played, before any event of theirs; known ones are left as they are. */
  dispatch(group: DispatchedGroup): void {
    const { runId, groupId } = group;
    for (const [index, rolloutId] of group.rolloutIds.entries()) {
      if (this.#states.get(runId, rolloutId) !== undefined) continue;
      this.#states.set(runId, rolloutId, { ...UNPLAYED, rolloutId, index, group });
      this.#openCount += 1;
      const members = this.#groups.get(runId, groupId);
      if (members === undefined) this.#groups.set(runId, groupId, new Set([rolloutId]));
      else members.add(rolloutId);
    }
  }

  /** Logs an event. False, and nothing logged, when its rollout has ended already, or had that turn before. */
  append(event: RolloutProgress, runId: string, timeMs: number): boolean {
    const { rolloutId } = event;
    const state = this.#states.get(runId, rolloutId) ?? this.#dispatchFrom(event, runId);
    if (state.kind === 'finished') return false;
    const lastTurn = event.kind === 'turn' ? event.turn.index : state.lastTurn;
    if (event.kind === 'turn' && lastTurn <= state.lastTurn) return false;
    this.#sequence += 1;
    const bytes = eventBytes(event);
    const { missedTurns, group } = state;
    const stamp = { sequence: this.#sequence, timeMs, runId, attempt: group.attempt, missedTurns };
    this.#events.push({ ...stamp, event: kept(event), bytes });
    this.#eventBytes += bytes;
    if (event.kind === 'finished') {
      this.#openCount -= 1;
      this.#keep(event.rollout, runId);
    }
    const kind = event.kind === 'finished' ? 'finished' : 'running';
    this.#states.set(runId, rolloutId, { ...state, kind, lastTurn });
    this.#dropOldEvents();
    this.changed.notify();
    return true;
  }

  /** As many of the rollout's turns so far were left untold, which its next event says. */
  missed({ runId, rolloutId }: RolloutKey, turns: number): void {
    const state = this.#states.get(runId, rolloutId);
    if (state === undefined || turns <= state.missedTurns) return;
    this.#states.set(runId, rolloutId, { ...state, missedTurns: turns });
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
  stateOf({ runId, rolloutId }: RolloutKey): RolloutState | undefined {
    return this.#states.get(runId, rolloutId);
  }

  /** The rollouts of a group that are known; empty for none. */
  rolloutsOf({ runId, groupId }: GroupKey): readonly string[] {
    return [...(this.#groups.get(runId, groupId) ?? [])];
  }

  /** Its run where it is named without one; undefined for none that is known. Throws for one of several runs. */
  runOfGroup(groupId: string): string | undefined {
    return onlyRun(this.#groups.runsOf(groupId), `group "${groupId}"`);
  }

  /** As {@link runOfGroup}. */
  runOfRollout(rolloutId: string): string | undefined {
    const known = this.#states.runsOf(rolloutId);
    const kept = this.#finished.runsOf(rolloutId);
    return onlyRun([...new Set([...known, ...kept])], `rollout "${rolloutId}"`);
  }

  /** A finished rollout, while it is kept. */
  finished({ runId, rolloutId }: RolloutKey): Rollout | undefined {
    return this.#finished.get(runId, rolloutId)?.rollout;
  }

  /** What is kept of the events of one rollout, oldest first. */
  eventsOf(key: RolloutKey): readonly LoggedEvent[] {
    return this.#events
      .slice(this.#head)
      .filter(({ runId, event }) => runId === key.runId && event.rolloutId === key.rolloutId);
  }

  #dispatchFrom(event: RolloutProgress, runId: string): RolloutState {
    const { rolloutId, groupId } = event;
    const started = event.kind === 'started' ? event : undefined;
    // A rollout of a known group, such as one that is played again, is of that group's environment.
    const [sibling = ''] = this.#groups.get(runId, groupId) ?? [];
    const first = this.#states.get(runId, firstTryOf(rolloutId));
    const known = first ?? this.#states.get(runId, sibling);
    const { environment = '', attempt = 1 } = known?.group ?? {};
    const index = started?.index ?? first?.index ?? 0;
    const taskKey = started?.taskKey ?? first?.group.taskKey ?? '';
    const group = { groupId, runId, environment, taskKey, attempt, rolloutIds: [rolloutId] };
    this.dispatch(group);
    const state: RolloutState = { ...UNPLAYED, rolloutId, index, group };
    this.#states.set(runId, rolloutId, state);
    return state;
  }

  #keep(rollout: Rollout, runId: string): void {
    const bytes = approximateBytes(rollout);
    this.#finished.set(runId, rollout.id, { rollout, runId, bytes });
    this.#finishedBytes += bytes;
    for (const kept of this.#finished.values()) {
      if (this.#finishedBytes <= this.#limits.maxRolloutBytes || kept.rollout === rollout) break;
      this.#finished.delete(kept.runId, kept.rollout.id);
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
      if (dropped.event.kind === 'finished') this.#forget(dropped.event, dropped.runId);
    }
    if (this.#head > 1_024 && this.#head * 2 > this.#events.length) {
      this.#events.splice(0, this.#head);
      this.#head = 0;
    }
  }

  #forget({ rolloutId, groupId }: RolloutProgress, runId: string): void {
    this.#states.delete(runId, rolloutId);
    const members = this.#groups.get(runId, groupId);
    members?.delete(rolloutId);
    if (members?.size === 0) this.#groups.delete(runId, groupId);
  }
}

const UNPLAYED = Object.freeze({ kind: 'waiting', lastTurn: 0, missedTurns: 0 });

/** Play outside of any run goes before: its run can't be named. */
function onlyRun(runs: readonly string[], what: string): string | undefined {
  if (runs.includes('')) return '';
  if (runs.length <= 1) return runs[0];
  const said = runs.map((run) => `"${run}"`).join(', ');
  throw invalidInput('run_id', `is empty, and a ${what} is known of the runs ${said}.`, {
    reason: 'ROLLOUT_AMBIGUOUS',
    remedy: 'Name the run.',
  });
}

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
