import { AssignmentDesk } from './assignment-desk.ts';
import type {
  AssignmentEvent,
  AssignmentKey,
  DeadLetter,
  StoredAssignment,
} from './assignment-event.ts';
import type { Backing } from './backing.ts';
import { BatchDesk } from './batch-desk.ts';
import type {
  Broker,
  ConsumerKey,
  EnvironmentShare,
  LeasedAssignment,
  NextBatch,
  RunSettings,
  RunState,
  RunStatus,
  StoredGroup,
  SubmitOutcome,
  SubmittedGroup,
  UnregisteredConsumer,
} from './broker.ts';
import { type BrokerMetrics, brokerMetrics } from './broker-metrics.ts';
import type { Journal } from './journal/journal.ts';
import type { BrokerConfig } from './options.ts';
import { brokerClosed, groupNotFound, groupNotKept } from './refusals.ts';
import type { Run } from './run.ts';
import { RunTable } from './run-table.ts';
import { topicOf } from './topics.ts';
import { WaitingRoom } from './waiting-room.ts';

/** The shell: it tells the time, wakes who waits, and leaves every decision to the rooms below. */
export class BrokerShell implements Broker {
  readonly #config: BrokerConfig;
  readonly #metrics: BrokerMetrics;
  readonly #runs: RunTable;
  readonly #waiting: WaitingRoom;
  readonly #assignments: AssignmentDesk;
  readonly #batches: BatchDesk;
  readonly #backing: Backing;
  readonly #journal: Journal;
  readonly #closing = new AbortController();

  constructor(config: BrokerConfig, backing: Backing) {
    this.#config = config;
    this.#backing = backing;
    this.#journal = backing.journal;
    this.#metrics = brokerMetrics(config.metrics);
    this.#runs = new RunTable({
      ...{ config, metrics: this.#metrics, journal: backing.journal, restored: backing.runs },
      mayForget: (runId) => !this.#assignments.isSettling(runId),
    });
    this.#waiting = new WaitingRoom(config.clock, (nowMs) => this.#advance(nowMs));
    this.#assignments = new AssignmentDesk({
      config,
      metrics: this.#metrics,
      runs: this.#runs,
      waiting: this.#waiting,
      journal: backing.journal,
      restored: backing.assignments,
      leftovers: backing.leftovers,
    });
    this.#batches = new BatchDesk({
      config,
      metrics: this.#metrics,
      waiting: this.#waiting,
      journal: backing.journal,
      closing: this.#closing.signal,
    });
  }

  async openRun(
    id: string,
    settings: RunSettings,
    initialPolicyVersion: number,
  ): Promise<{ readonly run: RunState; readonly existed: boolean }> {
    this.#assertOpen();
    const { run, existed } = this.#runs.open(id, settings, initialPolicyVersion);
    await this.#journal.settled();
    return { run: run.state(), existed };
  }

  async getRun(id: string): Promise<RunState> {
    return this.#run(id).state();
  }

  async listRuns(): Promise<readonly RunState[]> {
    this.#assertOpen();
    return [...this.#runs].reverse().map((run) => run.state());
  }

  async closeRun(id: string): Promise<RunState> {
    const run = this.#run(id);
    run.close();
    this.#assignments.endRun(id);
    for (const topic of [topicOf.room(id), topicOf.batch(id), topicOf.policy(id)]) {
      this.#waiting.wake(topic);
    }
    await this.#journal.settled();
    return run.state();
  }

  async setShares(runId: string, shares: readonly EnvironmentShare[]): Promise<void> {
    this.#run(runId).setShares(shares, this.#nowMs());
    this.#waiting.wake(topicOf.batch(runId));
    this.#waiting.wake(topicOf.lease);
    await this.#journal.settled();
  }

  async status(id: string): Promise<RunStatus> {
    const run = this.#run(id);
    const nowMs = this.#nowMs();
    this.#assignments.expire(nowMs);
    return run.status(nowMs, this.#assignments.openOf(id, nowMs));
  }

  async enqueue(assignments: readonly StoredAssignment[]): Promise<readonly AssignmentKey[]> {
    this.#assertOpen();
    const added = this.#assignments.enqueue(assignments);
    await this.#journal.settled();
    return added;
  }

  async lease(request: Parameters<Broker['lease']>[0]): Promise<readonly LeasedAssignment[]> {
    this.#assertOpen();
    return this.#assignments.lease(request);
  }

  async extend(
    workerId: string,
    keys: readonly AssignmentKey[],
  ): Promise<readonly AssignmentKey[]> {
    this.#assertOpen();
    return this.#assignments.extend(workerId, keys);
  }

  async failAssignment(request: Parameters<Broker['failAssignment']>[0]): Promise<void> {
    this.#assertOpen();
    this.#assignments.fail(request);
    await this.#journal.settled();
  }

  followAssignments(listener: (event: AssignmentEvent) => void): Disposable {
    this.#assertOpen();
    return this.#assignments.follow(listener);
  }

  async deadLetters(runId: string): Promise<readonly DeadLetter[]> {
    const run = this.#run(runId);
    this.#assignments.expire(this.#nowMs());
    return run.endedAssignments.deadLetters;
  }

  async submit(group: SubmittedGroup): Promise<SubmitOutcome> {
    const run = this.#run(group.runId);
    try {
      const kept = await this.#keep(run, group);
      const outcome = this.#store(run, kept);
      await this.#journal.settled();
      return outcome;
    } catch (error) {
      this.#metrics.submitted('refused');
      // What a batch waited for can't come in: it is cut without.
      if (run.queue.gate.isCrowdedOut) this.#waiting.wake(topicOf.batch(run.id));
      throw error;
    }
  }

  /** Its bytes are put away first, unless it is sure already that nobody will want them. */
  async #keep(run: Run, group: SubmittedGroup): Promise<StoredGroup> {
    const { keep } = this.#backing;
    if (keep === undefined || run.check(group, this.#nowMs()) === 'duplicate') return group;
    const kept = await keep(group, { signal: this.#closing.signal });
    this.#assertOpen();
    return kept;
  }

  #store(run: Run, group: StoredGroup): SubmitOutcome {
    let isStored = false;
    try {
      const outcome = run.submit(group, this.#nowMs());
      isStored = outcome.kind === 'stored';
      this.#metrics.submitted(outcome.kind);
      if (isStored) {
        const aliveUntilMs = run.queue.heard(group.environment, this.#nowMs());
        this.#waiting.expectExpiry(aliveUntilMs ?? Infinity);
        this.#assignments.end({ runId: run.id, assignmentId: group.id });
        this.#waiting.wake(topicOf.batch(run.id));
        // One that left at once takes no room: the next may begin.
        this.#waiting.wake(topicOf.lease);
      }
      return outcome;
    } finally {
      // The same came meanwhile, or no room is left: nobody will cite it.
      if (!isStored) this.#journal.release(group.payload);
    }
  }

  async waitForRoom(runId: string, signal: AbortSignal, group?: StoredGroup): Promise<void> {
    const run = this.#run(runId);
    await this.#waiting.wait<true>({
      topic: topicOf.room(runId),
      attempt: () =>
        run.closed || run.queue.gate.hasRoom(group, this.#nowMs()) ? true : undefined,
      fallback: () => true,
      waitMs: undefined,
      signal,
    });
  }

  async credits(runId: string): Promise<number> {
    return this.#run(runId).credits(this.#nowMs());
  }

  async registerConsumer(consumer: Parameters<Broker['registerConsumer']>[0]) {
    return this.#batches.register(this.#run(consumer.runId), consumer);
  }

  async unregisterConsumer(consumer: ConsumerKey): Promise<UnregisteredConsumer> {
    return this.#batches.unregister(this.#run(consumer.runId), consumer);
  }

  async nextBatch(request: Parameters<Broker['nextBatch']>[0]): Promise<NextBatch> {
    return this.#batches.next(this.#run(request.runId), request);
  }

  async extendBatch(request: Parameters<Broker['extendBatch']>[0]) {
    return this.#batches.extend(this.#run(request.runId), request);
  }

  async ackBatch(request: Parameters<Broker['ackBatch']>[0]) {
    return this.#batches.ack(this.#run(request.runId), request);
  }

  async nackBatch(request: Parameters<Broker['nackBatch']>[0]): Promise<void> {
    await this.#batches.nack(this.#run(request.runId), request);
  }

  async commitStep(request: Parameters<Broker['commitStep']>[0]): Promise<void> {
    await this.#batches.commit(this.#run(request.runId), request);
  }

  async rewindToStep(request: Parameters<Broker['rewindToStep']>[0]) {
    return this.#batches.rewind(this.#run(request.runId), request);
  }

  async publishPolicyVersion(runId: string, version: number): Promise<number> {
    const run = this.#run(runId);
    if (run.publish(version)) {
      this.#waiting.wake(topicOf.policy(runId));
      this.#waiting.wake(topicOf.room(runId));
      this.#waiting.wake(topicOf.lease);
    }
    await this.#journal.settled();
    return run.policyVersion;
  }

  async *watchPolicyVersion(runId: string, signal: AbortSignal): AsyncGenerator<number> {
    const run = this.#run(runId);
    let seen: number | undefined;
    while (!signal.aborted) {
      const version = await this.#waiting.wait<number | 'ended'>({
        topic: topicOf.policy(runId),
        attempt: () => {
          if (run.policyVersion !== seen) return run.policyVersion;
          return run.closed ? 'ended' : undefined;
        },
        fallback: () => 'ended',
        waitMs: undefined,
        signal,
      });
      if (version === 'ended') return;
      seen = version;
      yield version;
    }
  }

  async getGroup(runId: string, groupId: string): Promise<StoredGroup> {
    const group = this.#run(runId).history.get(groupId);
    if (group === 'unknown') throw groupNotFound(groupId);
    if (group === 'let_go') throw groupNotKept(groupId);
    return group;
  }

  async *scanGroups(
    runId: string,
    afterPosition: number,
  ): AsyncGenerator<{ readonly position: number; readonly group: StoredGroup }> {
    const { history } = this.#run(runId);
    const last = history.newestPosition;
    let found = history.next(afterPosition, last);
    while (found !== undefined) {
      yield found;
      found = history.next(found.position, last);
    }
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort(brokerClosed());
    this.#waiting[Symbol.dispose]();
    this.#assignments[Symbol.dispose]();
    await this.#backing.close();
  }

  /** Lets expire what is due; returns when time alone will next change anything. */
  #advance(nowMs: number): number | undefined {
    this.#assignments.expire(nowMs);
    let nextMs = this.#assignments.nextExpiryMs ?? Infinity;
    for (const run of this.#runs) {
      nextMs = Math.min(nextMs, run.batches.nextExpiryMs(nowMs) ?? Infinity);
      if (!run.closed) nextMs = Math.min(nextMs, run.queue.nextMs(nowMs) ?? Infinity);
    }
    return nextMs === Infinity ? undefined : nextMs;
  }

  #run(id: string): Run {
    this.#assertOpen();
    return this.#runs.get(id);
  }

  #assertOpen(): void {
    if (this.#closing.signal.aborted) throw brokerClosed();
  }

  #nowMs(): number {
    return this.#config.clock.nowMs();
  }
}
