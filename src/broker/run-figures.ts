import { addLedgers, emptyLedger, type Ledger } from '../tokens/index.ts';
import type { StoredGroup } from './broker.ts';
import type { FiguresRecord } from './journal/records.ts';

/** Why a group left without being trained, as `RunStatus.droppedGroups` names it. */
export type DropReason =
  /** Older than the run's max staleness. */
  | 'stale'
  /** Its scored rewards are all alike, and the run drops such groups. */
  | 'uniform_rewards'
  /** What the store holds of it is not what was written, and nobody had it yet. */
  | 'damaged'
  /** It was in a batch that was given up: another group of that is damaged, and somebody had it already. */
  | 'damaged_batch'
  /** It came without a row, to a run whose batches count rows or tokens. */
  | 'no_rows'
  /** It was played and a policy of its run dropped it: it never came. */
  | PlayedInVain
  /** Its assignment was failed for good: it never came. */
  | 'assignment_failed'
  /** Its assignment ran out of attempts: it never came. */
  | 'attempts_exhausted';

/** Why a played group is not submitted: what `settleGroup` gives as its reason. */
const PLAYED_IN_VAIN = Object.freeze([
  'rollout_failed',
  'nothing_scored',
  'nothing_to_train',
  'over_length',
] as const);
type PlayedInVain = (typeof PLAYED_IN_VAIN)[number];

/** What an assignment that was failed for good counts as, by the reason that its worker gave. */
export function failureOf(reason: string): DropReason {
  return PLAYED_IN_VAIN.find((one) => one === reason) ?? 'assignment_failed';
}

/** The running totals of one run; each is kept as groups come and go, none is counted up later. */
export class RunFigures {
  readonly #recentRewards: number[] = [];
  readonly #dropped = new Map<DropReason, number>();
  readonly #window: number;
  #oldestReward = 0;
  #ledger = emptyLedger();
  acceptedGroups = 0;
  rollouts = 0;
  notScored = 0;
  givenUp = 0;

  /** `window` is how many of the latest rewards the mean is over. */
  constructor(window: number, restored?: FiguresRecord) {
    this.#window = window;
    if (restored === undefined) return;
    this.acceptedGroups = restored.acceptedGroups;
    this.rollouts = restored.rollouts;
    this.notScored = restored.notScored;
    this.givenUp = restored.givenUp ?? 0;
    this.#ledger = restored.ledger;
    for (const [reason, groups] of Object.entries(restored.dropped)) {
      this.#dropped.set(reason as DropReason, groups);
    }
    this.#recentRewards.push(...restored.recentRewards.slice(-window));
  }

  record(): Omit<FiguresRecord, 'trainedByStaleness'> {
    const { acceptedGroups, rollouts, notScored, dropped, givenUp, ledger } = this;
    const recentRewards = [
      ...this.#recentRewards.slice(this.#oldestReward),
      ...this.#recentRewards.slice(0, this.#oldestReward),
    ];
    return { acceptedGroups, rollouts, notScored, dropped, givenUp, ledger, recentRewards };
  }

  accept(group: StoredGroup): void {
    this.acceptedGroups += 1;
    this.rollouts += group.rewards.length;
    this.#ledger = addLedgers(this.#ledger, group.ledger);
    for (const reward of group.rewards) {
      if (reward === undefined) {
        this.notScored += 1;
      } else if (this.#recentRewards.length < this.#window) {
        this.#recentRewards.push(reward);
      } else {
        this.#recentRewards[this.#oldestReward] = reward;
        this.#oldestReward = (this.#oldestReward + 1) % this.#window;
      }
    }
  }

  drop(reason: DropReason, groups = 1): void {
    this.#dropped.set(reason, (this.#dropped.get(reason) ?? 0) + groups);
  }

  /** Assignments that never came. */
  get deadLetters(): number {
    const of = (reason: DropReason): number => this.#dropped.get(reason) ?? 0;
    return of('assignment_failed') + of('attempts_exhausted');
  }

  get ledger(): Ledger {
    return this.#ledger;
  }

  get dropped(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#dropped);
  }

  /** Undefined before the first scored rollout. */
  get recentMeanReward(): number | undefined {
    const { length } = this.#recentRewards;
    // Divided first: the sum of huge rewards may overflow.
    return length === 0
      ? undefined
      : this.#recentRewards.reduce((mean, reward) => mean + reward / length, 0);
  }
}
