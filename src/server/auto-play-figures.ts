import type { AutoPlay, AutoPlayEnvironment, RunStatus } from '../broker/index.ts';

/**
 * How many groups to order now, from the figures of a run alone. With `maxBatchesAhead`, what waits,
 * what open assignments should bring and what is cut and not acked never exceed that many batches: a
 * trainer that publishes before it acks stays exactly on policy with 1.
 */
export function groupsToAssign(autoPlay: AutoPlay, status: RunStatus): number {
  if (status.run.closed) return 0;
  const { maxWaitingGroups } = status.run.settings;
  const ahead = status.openAssignments + status.waitingGroups;
  const room = Math.max(0, Math.min(autoPlay.maxAhead, maxWaitingGroups) - ahead);
  return autoPlay.maxBatchesAhead === 0 ? room : Math.min(room, groupsWanted(autoPlay, status));
}

/**
 * Groups that are missing until `maxBatchesAhead` batches are ahead, each rollout taken for a row, and
 * groups of several environments for as large as they are on average.
 */
function groupsWanted(autoPlay: AutoPlay, status: RunStatus): number {
  const { batchSize } = status.run.settings;
  const batches = Math.max(0, autoPlay.maxBatchesAhead - status.leasedBatches);
  const { openAssignments } = status;
  switch (batchSize.kind) {
    case 'groups':
      return Math.max(0, batches * batchSize.groups - status.waitingGroups - openAssignments);
    case 'rows': {
      const groupSize = meanGroupSize(autoPlay);
      const missing = batches * batchSize.rows - status.waitingRows - openAssignments * groupSize;
      return Math.max(0, Math.ceil(missing / groupSize));
    }
    case 'tokens':
      // How long a group gets can't be known before it is played.
      return status.waitingTokens >= batches * batchSize.tokens ? 0 : Infinity;
  }
}

function meanGroupSize({ environments }: AutoPlay): number {
  return environments.reduce((sum, part) => sum + part.groupSize * shareOf(part, environments), 0);
}

/**
 * Most assignments of an environment that are open at a time: its share of `maxAhead`, so that a slow one
 * does not hold up the others.
 */
export function openLimitOf(
  part: AutoPlayEnvironment,
  { environments, maxAhead }: AutoPlay,
): number {
  return Math.max(1, Math.ceil(shareOf(part, environments) * maxAhead));
}

function shareOf({ weight }: AutoPlayEnvironment, all: readonly AutoPlayEnvironment[]): number {
  return weight / all.reduce((sum, part) => sum + part.weight, 0);
}

/** Groups that came to nothing, by why; what grew stale is the trainer's matter. */
const WASTE = [
  'assignment_failed',
  'attempts_exhausted',
  'rollout_failed',
  'nothing_scored',
  'nothing_to_train',
  'over_length',
  'uniform_rewards',
  'no_rows',
] as const;
/** In a row, before auto play slows down. */
const WASTED_AT_FIRST = 64;
const FIRST_DELAY_MS = 100;
const MAX_DELAY_MS = 10_000;

/**
 * Watches for groups that all come to nothing: an environment that always fails, or whose rewards never
 * differ, would be played as fast as the machine can, for nothing.
 */
export class WasteWatch {
  #useful = 0;
  #wasted = 0;
  #inARow = 0;

  /** What to do about a status: how long to wait, and why. */
  look({ acceptedGroups, droppedGroups }: RunStatus): { delayMs: number; why: string } {
    const wasted = WASTE.reduce((sum, reason) => sum + (droppedGroups[reason] ?? 0), 0);
    const accepted = (droppedGroups['uniform_rewards'] ?? 0) + (droppedGroups['no_rows'] ?? 0);
    const useful = acceptedGroups - accepted;
    if (useful > this.#useful) this.#inARow = 0;
    else this.#inARow += wasted - this.#wasted;
    this.#useful = useful;
    this.#wasted = wasted;
    if (this.#inARow < WASTED_AT_FIRST) return { delayMs: 0, why: '' };
    const doublings = Math.floor(Math.log2(this.#inARow / WASTED_AT_FIRST));
    const parts = WASTE.flatMap((reason) =>
      (droppedGroups[reason] ?? 0) > 0 ? [`${reason} ${droppedGroups[reason]}`] : [],
    );
    return {
      delayMs: Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** doublings),
      why: `the last ${this.#inARow} groups in a row came to nothing (of the run: ${parts.join(', ')})`,
    };
  }
}
