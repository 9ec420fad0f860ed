import type { RunSettings, StoredGroup } from './broker.ts';
import type { CutBatch } from './cut-batch.ts';
import { EnvironmentShares, type Weighed } from './environment-shares.ts';
import type { BatchRecord, RestoredRun } from './journal/records.ts';
import { RecentThroughput } from './recent-throughput.ts';
import type { RunDetail } from './run-detail.ts';
import { behind, FURTHEST_BEHIND, trimmed, WaitingVersions } from './staleness-histogram.ts';
import { tokensOf, type WaitingGroup } from './waiting-groups.ts';

/** What a run's status shows of its queue and its batches; it is told of each change, and never walks the queue. */
export class RunObserver {
  readonly #shares: EnvironmentShares;
  readonly #versions: WaitingVersions;
  readonly #throughput: RecentThroughput;
  readonly #trained: number[];

  constructor(fields: {
    readonly settings: RunSettings;
    readonly policyVersion: number;
    readonly nowMs: number;
    readonly restored: RestoredRun | undefined;
  }) {
    const { settings, policyVersion, nowMs, restored } = fields;
    const { shares, autoPlay } = settings;
    const asked = shares.length > 0 ? shares : (autoPlay?.environments ?? []);
    this.#shares = new EnvironmentShares(
      new Map(asked.map(({ environment, weight }) => [environment, weight])),
    );
    this.#versions = new WaitingVersions(policyVersion);
    this.#throughput = new RecentThroughput(nowMs);
    this.#trained = new Array<number>(FURTHEST_BEHIND + 1).fill(0);
    for (const [at, groups] of (restored?.record.figures.trainedByStaleness ?? []).entries()) {
      this.#trained[at] = groups;
    }
    if (restored !== undefined) this.#restore(restored);
  }

  setShares(shares: RunSettings['shares']): void {
    this.#shares.ask(new Map(shares.map(({ environment, weight }) => [environment, weight])));
  }

  /** A group was accepted, whether or not it waits. */
  accepted({ rows, tokens }: Pick<WaitingGroup, 'rows' | 'tokens'>, nowMs: number): void {
    this.#throughput.count('accepted', nowMs, rows, tokens);
  }

  added({ group, rows, tokens, version }: WaitingGroup): void {
    this.#shares.added({ environment: group.environment, rows, tokens });
    this.#versions.add(version);
  }

  removed({ group, rows, tokens, version }: WaitingGroup): void {
    this.#shares.removed({ environment: group.environment, rows, tokens });
    this.#versions.remove(version);
  }

  cut({ step, groups }: CutBatch): void {
    this.#shares.cut(step, groups.map(weigh));
  }

  uncut({ step }: CutBatch): void {
    this.#shares.uncut(step);
  }

  /** Every rank of everyone has acked it. */
  trained(cut: CutBatch, nowMs: number): void {
    this.#countTrained(cut, 1);
    for (const { rows, tokens } of cut.groups.map(weigh)) {
      this.#throughput.count('trained', nowMs, rows, tokens);
    }
  }

  /** It is to be trained again. */
  reopened(cut: CutBatch): void {
    this.#countTrained(cut, -1);
  }

  published(version: number): void {
    this.#versions.publish(version);
  }

  get trainedByStaleness(): readonly number[] {
    return trimmed(this.#trained);
  }

  read(
    nowMs: number,
  ): Pick<
    RunDetail,
    'shares' | 'recentBatches' | 'waitingByStaleness' | 'trainedByStaleness' | 'throughput'
  > {
    return {
      shares: this.#shares.read(),
      recentBatches: this.#shares.recentBatches,
      waitingByStaleness: this.#versions.histogram(),
      trainedByStaleness: this.trainedByStaleness,
      throughput: this.#throughput.read(nowMs),
    };
  }

  /** What was sampled by nobody is as new as the policy. */
  #countTrained({ groups, policyVersion }: CutBatch, sign: 1 | -1): void {
    for (const { oldestPolicyVersion = policyVersion } of groups) {
      const at = behind(policyVersion, oldestPolicyVersion);
      // A store of before this was counted may have batches that never were.
      this.#trained[at] = Math.max(0, this.#trained[at]! + sign);
    }
  }

  /** The last batches, as far as their groups are kept. */
  #restore({ batches, done, groups }: RestoredRun): void {
    const last = [...done, ...batches].sort((a, b) => a.step - b.step).slice(-MOST_RESTORED);
    const wanted = new Set(last.flatMap(({ positions }) => positions));
    const weights = new Map<number, Weighed>();
    for (const one of groups) {
      if ('group' in one && wanted.has(one.position)) weights.set(one.position, weigh(one.group));
    }
    const groupsOf = ({ positions }: BatchRecord) =>
      positions.flatMap((position) => weights.get(position) ?? []);
    for (const batch of last) this.#shares.cut(batch.step, groupsOf(batch));
  }
}

/** More than are shown: those that are too many are forgotten again. */
const MOST_RESTORED = 64;

function weigh(group: StoredGroup): Weighed {
  return { environment: group.environment, rows: group.rows.length, tokens: tokensOf(group) };
}
