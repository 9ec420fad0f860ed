import type { Consumers } from './consumers.ts';
import type { FinishedBatches } from './finished-batches.ts';
import { type Consumer, laneOf } from './open-batch.ts';
import type { OpenBatches } from './open-batches.ts';
import type { ConsumerStanding } from './run-detail.ts';

export interface StandingRooms {
  readonly consumers: Consumers;
  readonly open: OpenBatches;
  readonly finished: FinishedBatches;
  readonly lastStep: number;
  readonly maxOpenBatches: number;
  readonly maxUncommittedBatches: number;
}

/** How far each consumer is, and whether the run waits for it. */
export function* consumerStandings(
  rooms: StandingRooms,
  nowMs: number,
): Generator<ConsumerStanding> {
  for (const consumer of rooms.consumers) yield standingOf(consumer, rooms, nowMs);
}

/** Those alone that the run waits for. */
export function heldBackBy(rooms: StandingRooms, nowMs: number): readonly ConsumerStanding[] {
  return [...consumerStandings(rooms, nowMs)].filter(({ holdsBack }) => holdsBack !== undefined);
}

function standingOf(consumer: Consumer, rooms: StandingRooms, nowMs: number): ConsumerStanding {
  const { open, finished, lastStep } = rooms;
  const lane = laneOf(consumer);
  const committedStep = finished.committedBy(lane);
  let nextStep = lastStep + 1;
  let left = 0;
  let openBatches = 0;
  let openSinceCommit = 0;
  let oldestOpenMs: number | undefined;
  for (const { cut, lanes, cutMs } of open) {
    if (cut.step > (committedStep ?? Infinity)) openSinceCommit += 1;
    const delivery = lanes.get(lane);
    if (delivery === undefined || delivery.kind === 'done') continue;
    left += 1;
    nextStep = Math.min(nextStep, cut.step);
    // Of what competing consumers share, each has what it holds.
    const isHolder = delivery.kind === 'leased' && delivery.holder === consumer.id;
    if (consumer.mode === 'compete' && !isHolder) continue;
    openBatches += 1;
    oldestOpenMs = Math.min(oldestOpenMs ?? Infinity, cutMs);
  }
  // All after a commit are kept: they are open, or finished and pinned.
  const keptBatches = committedStep === undefined ? 0 : lastStep - committedStep - openSinceCommit;
  const holdsBack =
    keptBatches >= rooms.maxUncommittedBatches
      ? 'commit'
      : openBatches > 0 && open.size >= rooms.maxOpenBatches
        ? 'ack'
        : undefined;
  const sinceMs =
    holdsBack === 'commit' ? finished.get((committedStep ?? 0) + 1)?.cutMs : oldestOpenMs;
  return {
    consumerId: consumer.id,
    mode: consumer.mode,
    worldSize: consumer.worldSize,
    step: lastStep - left,
    nextStep,
    committedStep,
    openBatches,
    keptBatches,
    holdsBack,
    oldestMs: sinceMs === undefined ? undefined : Math.max(0, nowMs - sinceMs),
    lastSeenMs: rooms.consumers.presence.agoMs(consumer.id, nowMs),
  };
}
