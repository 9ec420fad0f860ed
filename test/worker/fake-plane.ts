import type { Assignment, Group, RolloutProgress } from '../../src/contract/index.ts';
import { NO_RUN_POLICY } from '../../src/contract/index.ts';
import type { LeasedWork, WorkPlane } from '../../src/worker/index.ts';

export interface FakePlane extends WorkPlane {
  readonly queue: LeasedWork[];
  readonly submitted: Group[];
  readonly failed: { readonly id: string; readonly error: unknown; readonly permanent: boolean }[];
  readonly events: RolloutProgress[];
  readonly heartbeats: (readonly string[])[];
  readonly ordered: Assignment[];
  /** Told at the next heartbeat. */
  readonly lost: string[];
  /** Resolves when so many assignments were submitted or failed. */
  ended(count: number): Promise<void>;
}

export function assignment(id: string, part: Partial<Assignment> = {}): Assignment {
  return {
    id,
    runId: 'run',
    environment: 'test',
    task: { kind: 'key', key: '0' },
    groupSize: 2,
    sampling: {},
    limits: {},
    ...part,
  };
}

/** A plane in memory: a queue of assignments, and lists of what became of them. */
export function fakePlane(
  assignments: readonly Assignment[],
  options: {
    readonly leaseMs?: number;
    readonly submit?: (group: Group, attempt: number) => void;
    readonly order?: () => void;
  } = {},
): FakePlane {
  const { leaseMs = 60_000 } = options;
  const queue = assignments.map(
    (order): LeasedWork => ({ assignment: order, policy: NO_RUN_POLICY, attempt: 1, leaseMs }),
  );
  const submitted: Group[] = [];
  const failed: { id: string; error: unknown; permanent: boolean }[] = [];
  const events: RolloutProgress[] = [];
  const heartbeats: (readonly string[])[] = [];
  const ordered: Assignment[] = [];
  const lost: string[] = [];
  let changed = Promise.withResolvers<void>();
  const change = (): void => {
    changed.resolve();
    changed = Promise.withResolvers<void>();
  };
  let submits = 0;
  return {
    queue,
    submitted,
    failed,
    events,
    heartbeats,
    ordered,
    lost,
    async ended(count) {
      while (submitted.length + failed.length < count) await changed.promise;
    },
    async lease({ max, signal }) {
      signal.throwIfAborted();
      if (queue.length > 0) return queue.splice(0, max);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 2);
        signal.addEventListener('abort', () => {
          clearTimeout(timer);
          resolve();
        });
      });
      return [];
    },
    async heartbeat(held) {
      heartbeats.push(held.map(({ assignmentId }) => assignmentId));
      const gone = lost.splice(0);
      return held.filter(({ assignmentId }) => gone.includes(assignmentId));
    },
    async submit(group) {
      submits += 1;
      options.submit?.(group, submits);
      submitted.push(group);
      change();
    },
    async order(orders) {
      options.order?.();
      ordered.push(...orders);
    },
    async fail({ assignmentId: id }, error, permanent) {
      failed.push({ id, error, permanent });
      change();
    },
    announcedVersion: () => 7,
    progress: (event) => {
      events.push(event);
    },
  };
}
