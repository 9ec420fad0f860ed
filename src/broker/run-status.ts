import type { BatchLedger } from './batch-ledger.ts';
import type { RunState, RunStatus } from './broker.ts';
import type { RunFigures } from './run-figures.ts';
import type { RunObserver } from './run-observer.ts';
import type { RunQueue } from './run-queue.ts';

/** What of a run's status only the desk of assignments knows. */
export type RunAssignments = Pick<RunStatus, 'openByEnvironment' | 'workers'>;

/** A run's status. Constant time, but for lists that are bounded. */
export function runStatus(
  rooms: {
    readonly queue: RunQueue;
    readonly batches: BatchLedger;
    readonly figures: RunFigures;
    readonly observer: RunObserver;
  },
  run: RunState,
  { openByEnvironment, workers }: RunAssignments,
  nowMs: number,
): RunStatus {
  const { batches, figures, observer } = rooms;
  const { waiting } = rooms.queue;
  const oldestMs = waiting.oldestArrivalMs;
  return {
    run,
    waitingGroups: waiting.groups,
    waitingRows: waiting.rows,
    waitingTokens: waiting.tokens,
    openAssignments: Object.values(openByEnvironment).reduce((sum, open) => sum + open, 0),
    openByEnvironment,
    problem: '',
    // One that is being checked is in neither place otherwise, and would seem to be gone.
    leasedBatches: batches.open,
    acceptedGroups: figures.acceptedGroups,
    droppedGroups: figures.dropped,
    rollouts: figures.rollouts,
    notScored: figures.notScored,
    recentMeanReward: figures.recentMeanReward,
    ledger: figures.ledger,
    oldestWaitingMs: oldestMs === undefined ? undefined : nowMs - oldestMs,
    ...observer.read(nowMs),
    heldBatches: batches.held(nowMs),
    consumers: batches.standings(nowMs),
    workers,
    deadLetters: figures.deadLetters,
    givenUpBatches: figures.givenUp,
  };
}
