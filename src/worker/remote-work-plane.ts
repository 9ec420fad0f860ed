import { randomUUID } from 'node:crypto';
import type { AssignmentKey } from '../broker/index.ts';
import {
  type Assignment,
  encodeGroup,
  type Group,
  type GroupPolicy,
  type LeasedOrder,
  ROLLOUT_CANCELLED,
  type RolloutProgress,
  rolloutIdsOf,
} from '../contract/index.ts';
import { LachesisError } from '../errors.ts';
import { type Logger, silentLogger } from '../telemetry/index.ts';
import { EventReporter } from './event-reporter.ts';
import { RemoteRuns } from './remote-runs.ts';
import type { ServerLink } from './server-link.ts';
import { SubmitStreams } from './submit-streams.ts';
import type { LeasedWork, WorkPlane } from './work-plane.ts';

export interface RemoteWorkPlaneOptions {
  /** Greets with a registration of this worker. */
  readonly link: ServerLink;
  readonly workerId: string;
  /** Of this start of the worker, as it registered. Default: none, and others of its id are not noticed. */
  readonly session?: string;
  readonly logger?: Logger;
}

/** Beside the wait that a call asks for. */
const CALL_MS = 15_000;
/** A server that is away for longer finds out by itself: the lease runs out. */
const FAIL_MS = 10_000;
const HEARTBEAT_MS = 10_000;
const REPORT_MS = 10_000;

/** How long a group's end waits for what is still to be told of its turns. */
const FLUSH_MS = 1_000;

interface HeldOrder {
  readonly runId: string;
  readonly attempt: number;
  readonly rolloutIds: readonly string[];
}

/** A worker's view of a server over the wire. It outlives the server's restarts, with all that is played. */
export class RemoteWorkPlane implements WorkPlane, AsyncDisposable {
  readonly #link: ServerLink;
  readonly #workerId: string;
  readonly #session: string;
  readonly #events: EventReporter;
  readonly #runs: RemoteRuns;
  readonly #streams: SubmitStreams;
  /** By name, as are the others. */
  readonly #held = new Map<string, HeldOrder>();
  readonly #cancels = new Map<string, AbortController>();
  /** Finished, and on their way: a lost lease does not take them back. */
  readonly #submitting = new Set<string>();

  constructor(options: RemoteWorkPlaneOptions) {
    const { link, workerId, session = '', logger = silentLogger } = options;
    this.#link = link;
    this.#workerId = workerId;
    this.#session = session;
    this.#events = new EventReporter({
      send: async (report, signal) => {
        const call = { session, timeoutMs: REPORT_MS, signal };
        await link.callNow(({ work }) => work.reportEvents(workerId, report, call));
      },
      logger,
    });
    this.#runs = new RemoteRuns(link, logger);
    this.#streams = new SubmitStreams(link, workerId);
  }

  async lease(request: Parameters<WorkPlane['lease']>[0]): Promise<readonly LeasedWork[]> {
    const { max, waitMs, signal } = request;
    const timeoutMs = waitMs + CALL_MS;
    // Made again on the next connection it is the same request, so that what a lost answer leased is not lost.
    const requestId = randomUUID();
    const session = this.#session;
    const leases = await this.#link.call(signal, ({ work }) =>
      work.lease(this.#workerId, { session, max, waitMs, requestId, timeoutMs, signal }),
    );
    return leases.map((lease) => this.#hold(lease));
  }

  async heartbeat(
    held: readonly AssignmentKey[],
    signal: AbortSignal,
  ): Promise<readonly AssignmentKey[]> {
    const { cancelled, cancelledRollouts } = await this.#beat(held, signal);
    for (const { runId, rolloutId } of cancelledRollouts) {
      this.#cancels.get(nameOf(runId, rolloutId))?.abort(cancelledError());
    }
    const lost = cancelled.filter(
      ({ runId, assignmentId }) => !this.#submitting.has(nameOf(runId, assignmentId)),
    );
    for (const assignment of lost) this.#release(assignment);
    return lost;
  }

  async submit(group: Group, signal: AbortSignal, policy: GroupPolicy): Promise<void> {
    const { runId, id: assignmentId } = group;
    const assignment = { runId, assignmentId };
    const encoding = encodeGroup(group, { policy });
    if (encoding.kind === 'dropped') {
      const message = `the group was dropped: ${encoding.reason}.`;
      const error = new LachesisError('failed_precondition', message, { reason: encoding.reason });
      await this.fail(assignment, error, true);
      return;
    }
    const name = nameOf(runId, assignmentId);
    this.#submitting.add(name);
    try {
      await this.#events.flush(FLUSH_MS, signal);
      await this.#streams.submit(runId, encoding.encoded, signal);
      this.#release(assignment);
    } finally {
      this.#submitting.delete(name);
    }
  }

  async order(assignments: readonly Assignment[]): Promise<void> {
    const signal = AbortSignal.timeout(CALL_MS);
    await this.#link.call(signal, ({ work }) =>
      work.enqueue(assignments, { backlog: true, signal }),
    );
  }

  async fail(assignment: AssignmentKey, error: unknown, permanent: boolean): Promise<void> {
    const signal = AbortSignal.timeout(FAIL_MS);
    const session = this.#session;
    try {
      await this.#events.flush(FLUSH_MS, signal);
      await this.#link.call(signal, ({ work }) =>
        work.fail(this.#workerId, assignment, { session, error, permanent, signal }),
      );
    } finally {
      this.#release(assignment);
    }
  }

  announcedVersion(runId: string): number {
    return this.#runs.versionOf(runId);
  }

  /** The server knows of beginnings by what is leased, and of ends by the groups that come of it. */
  progress(event: RolloutProgress, runId: string): void {
    const held = this.#held.get(nameOf(runId, event.groupId));
    if (held === undefined || event.kind === 'finished') return;
    if (event.kind === 'started' && held.rolloutIds.includes(event.rolloutId)) return;
    this.#events.put(event, held);
  }

  rolloutSignal(rolloutId: string, runId: string): AbortSignal | undefined {
    return this.#cancels.get(nameOf(runId, rolloutId))?.signal;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#runs[Symbol.dispose]();
    await this.#events[Symbol.asyncDispose]();
    await this.#streams[Symbol.asyncDispose]();
  }

  async #beat(held: readonly AssignmentKey[], signal: AbortSignal) {
    const call = { session: this.#session, timeoutMs: HEARTBEAT_MS, signal };
    try {
      return await this.#link.callNow(({ work }) => work.heartbeat(this.#workerId, held, call));
    } catch (error) {
      // Whoever took this one's place had all of it given back.
      const isReplaced = error instanceof LachesisError && error.reason === 'WORKER_REPLACED';
      if (isReplaced) return { cancelled: held, cancelledRollouts: [] };
      throw error;
    }
  }

  #hold({ assignment, run, attempt, leaseMs }: LeasedOrder): LeasedWork {
    const rolloutIds = rolloutIdsOf(assignment, attempt);
    const key = { runId: run.id, assignmentId: assignment.id };
    this.#release(key);
    this.#held.set(nameOf(run.id, assignment.id), { runId: run.id, attempt, rolloutIds });
    for (const id of rolloutIds) this.#cancels.set(nameOf(run.id, id), new AbortController());
    this.#runs.follow(run);
    return { assignment, policy: run.settings, attempt, leaseMs };
  }

  #release(assignment: AssignmentKey): void {
    const { runId } = assignment;
    const name = nameOf(runId, assignment.assignmentId);
    const held = this.#held.get(name);
    if (held === undefined) return;
    this.#held.delete(name);
    this.#events.forget(assignment, held.rolloutIds);
    for (const id of held.rolloutIds) this.#cancels.delete(nameOf(runId, id));
    if (this.#held.values().some(({ runId }) => runId === held.runId)) return;
    this.#runs.forget(held.runId);
    this.#streams.close(held.runId);
  }
}

/** Of an assignment, or of a rollout; a run's id holds no space. */
function nameOf(runId: string, id: string): string {
  return `${runId} ${id}`;
}

function cancelledError(): LachesisError {
  return new LachesisError('cancelled', 'the rollout was cancelled.', {
    reason: ROLLOUT_CANCELLED,
  });
}
