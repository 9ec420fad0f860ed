import { clipText } from '../errors.ts';
import { AssignmentBook, type GivenUp, type RestoredAssignment } from './assignment-book.ts';
import type { AssignmentEvent, AssignmentKey, StoredAssignment } from './assignment-event.ts';
import type { AssignmentPlays } from './assignment-plays.ts';
import type { Broker, LeasedAssignment, RunStatus } from './broker.ts';
import type { BrokerMetrics } from './broker-metrics.ts';
import type { Journal } from './journal/journal.ts';
import { nameOf } from './open-assignments.ts';
import type { BrokerConfig } from './options.ts';
import { limitReached } from './refusals.ts';
import { failureOf } from './run-figures.ts';
import type { RunTable } from './run-table.ts';
import { topicOf } from './topics.ts';
import { TurnByTurn } from './turn-by-turn.ts';
import type { WaitingRoom } from './waiting-room.ts';

/** Of an error's text that is kept. */
const MAX_ERROR_BYTES = 1_000;

/** Assignments of closed runs that are told of in one turn of the event loop. */
const SETTLED_AT_ONCE = 256;

/** The book of assignments with a clock, and with workers who wait for some. */
export class AssignmentDesk implements Disposable {
  readonly #config: BrokerConfig;
  readonly #metrics: BrokerMetrics;
  readonly #runs: RunTable;
  readonly #waiting: WaitingRoom;
  readonly #book: AssignmentBook;
  readonly #followers = new Set<(event: AssignmentEvent) => void>();
  readonly #settling: TurnByTurn;

  constructor(rooms: {
    readonly config: BrokerConfig;
    readonly metrics: BrokerMetrics;
    readonly runs: RunTable;
    readonly waiting: WaitingRoom;
    readonly journal: Journal;
    readonly restored: readonly RestoredAssignment[];
    /** Keys of the records that are left of closed runs, by run. */
    readonly leftovers: ReadonlyMap<string, readonly string[]>;
  }) {
    this.#config = rooms.config;
    this.#metrics = rooms.metrics;
    this.#runs = rooms.runs;
    this.#waiting = rooms.waiting;
    this.#book = new AssignmentBook(
      {
        leaseMs: rooms.config.assignmentLeaseMs,
        maxAttempts: rooms.config.maxAssignmentAttempts,
        journal: rooms.journal,
        plays: this.#plays(),
        onEvent: (event) => {
          for (const follower of this.#followers) follower(event);
        },
      },
      rooms.restored,
      this.#nowMs(),
    );
    this.#settling = new TurnByTurn(
      () => this.#book.settle(SETTLED_AT_ONCE),
      () => rooms.journal.settled(),
    );
    for (const [runId, keys] of rooms.leftovers) this.#book.endRun(runId, keys);
    if (rooms.leftovers.size > 0) this.#settling.start();
  }

  /** When the first lease is over; undefined when none is out. */
  get nextExpiryMs(): number | undefined {
    return this.#book.nextExpiryMs;
  }

  /** What of a run is open, and with whom. */
  openOf(runId: string, nowMs: number): Pick<RunStatus, 'openByEnvironment' | 'workers'> {
    return {
      openByEnvironment: this.#book.counts.openByEnvironment(runId),
      workers: this.#book.workers(runId, nowMs),
    };
  }

  /** While somebody follows, leases run out on time, also when no worker waits for one. */
  follow(listener: (event: AssignmentEvent) => void): Disposable {
    for (const event of this.#book.open()) listener(event);
    this.#followers.add(listener);
    const over = new AbortController();
    void this.#waiting.wait<undefined>({
      topic: '',
      attempt: () => undefined,
      fallback: () => undefined,
      waitMs: undefined,
      signal: over.signal,
    });
    return {
      [Symbol.dispose]: () => {
        this.#followers.delete(listener);
        over.abort();
      },
    };
  }

  /** All or none; returns those that are new. */
  enqueue(assignments: readonly StoredAssignment[]): readonly AssignmentKey[] {
    const added = new Map<string, StoredAssignment>();
    const room = new Map<string, number>();
    const { maxOpenAssignments } = this.#config.limits;
    for (const assignment of assignments) {
      const { id, runId, environment } = assignment;
      const run = this.#runs.get(runId);
      run.assertTakes(environment);
      const ended = run.endedAssignments.has(id) || run.history.positionOf(id) !== undefined;
      // A run's id holds no space.
      const key = `${runId} ${id}`;
      if (ended || added.has(key) || this.#book.has(nameOf(assignment))) continue;
      const left = room.get(runId) ?? maxOpenAssignments - this.#book.counts.openOf(runId);
      if (left <= 0) throw limitReached('open assignments of this run', maxOpenAssignments);
      room.set(runId, left - 1);
      added.set(key, assignment);
    }
    for (const assignment of added.values()) this.#book.enqueue(assignment);
    this.#metrics.assignment('enqueued', added.size);
    if (added.size > 0) this.#waiting.wake(topicOf.lease);
    return [...added.values()].map(nameOf);
  }

  async lease(request: Parameters<Broker['lease']>[0]): Promise<readonly LeasedAssignment[]> {
    const { waitMs, signal } = request;
    this.expire(this.#nowMs());
    return this.#waiting.wait<readonly LeasedAssignment[]>({
      topic: topicOf.lease,
      attempt: () => {
        const nowMs = this.#nowMs();
        const before = this.#book.leasedBefore(request, nowMs);
        if (before.length > 0) return before;
        const leases = this.#book.lease(request, nowMs);
        if (leases.length === 0) return undefined;
        this.#waiting.expectExpiry(nowMs + this.#config.assignmentLeaseMs);
        this.#metrics.assignment('leased', leases.length);
        return leases;
      },
      fallback: () => [],
      waitMs,
      signal,
    });
  }

  extend(workerId: string, keys: readonly AssignmentKey[]): readonly AssignmentKey[] {
    const nowMs = this.#nowMs();
    this.expire(nowMs);
    return this.#book.extend(workerId, keys, nowMs);
  }

  /** A lease that is not the worker's (any more) is left alone, so that saying it twice is once. */
  fail({
    workerId,
    runId,
    assignmentId,
    reason,
    permanent,
  }: Parameters<Broker['failAssignment']>[0]): void {
    this.expire(this.#nowMs());
    const error = clipText(reason, MAX_ERROR_BYTES);
    const failed = this.#book.fail(workerId, { runId, assignmentId }, { permanent, error });
    if (failed.kind === 'not_held') return;
    this.#metrics.assignment('failed', 1);
    if (failed.kind === 'ended') this.#giveUp(failed.givenUp);
    this.#waiting.wake(topicOf.lease);
  }

  /** Its group came. */
  end(key: AssignmentKey): void {
    this.#book.end(key, 'stored');
  }

  /** All of a run that was closed. The first are told of at once, the others turn by turn. */
  endRun(runId: string): void {
    this.#book.endRun(runId);
    this.#settling.start();
  }

  /** While it is, the run may not be forgotten. */
  isSettling(runId: string): boolean {
    return this.#book.isSettling(runId);
  }

  /** Of closed runs, what is left to do waits until the broker is opened again. */
  [Symbol.dispose](): void {
    this.#settling[Symbol.dispose]();
  }

  /** Gives back the assignments whose leases are over. Costs what expired. */
  expire(nowMs: number): void {
    const { requeued, ended } = this.#book.expire(nowMs);
    this.#metrics.assignment('expired', requeued + ended.length);
    for (const givenUp of ended) this.#giveUp(givenUp);
    if (requeued + ended.length > 0) this.#waiting.wake(topicOf.lease);
  }

  /** Who is at work, for the runs that keep places for it. */
  #plays(): AssignmentPlays {
    return {
      mayBegin: (assignment, nowMs) =>
        this.#runs.find(assignment.runId)?.mayBegin(assignment, nowMs) === true,
      began: (assignment, nowMs) => {
        const queue = this.#runs.find(assignment.runId)?.queue;
        queue?.playing.begin(assignment);
        this.#waiting.expectExpiry(queue?.heard(assignment.environment, nowMs) ?? Infinity);
      },
      stopped: ({ runId, id }) => this.#runs.find(runId)?.queue.playing.end(id),
    };
  }

  #giveUp({ assignment, ...rest }: GivenUp): void {
    const { id: assignmentId, runId, environment } = assignment;
    const letter = { assignmentId, environment, ...rest, timeMs: this.#nowMs() };
    const drop = rest.reason === 'attempts_exhausted' ? rest.reason : failureOf(rest.error);
    this.#runs.find(runId)?.giveUp(letter, drop);
    this.#metrics.dropped(drop, 1);
  }

  #nowMs(): number {
    return this.#config.clock.nowMs();
  }
}
