import {
  bucketName,
  ROLLOUT_CANCELLED,
  type Rollout,
  type RolloutProgress,
} from '../contract/index.ts';
import { LachesisError } from '../errors.ts';
import type { Counter, MetricsRegistry } from '../telemetry/index.ts';
import { BUCKETS } from '../tokens/index.ts';
import { abandonedRollout } from './abandoned-rollout.ts';
import { Cancellations } from './cancellations.ts';
import { RolloutLog, type RolloutLogLimits } from './rollout-log.ts';
import type { GroupKey, RolloutKey, RolloutState } from './rollout-state.ts';

/** The rollouts of a server: their log, and the means to end them. Gives each exactly one ending. */
export class Rollouts {
  readonly log: RolloutLog;
  readonly #cancellations = new Cancellations();
  readonly #now: () => number;
  readonly #onFinished: (rollout: Rollout, runId: string) => void;
  readonly #ended: Counter | undefined;
  readonly #sampled: Counter | undefined;
  readonly #buckets: Counter | undefined;

  constructor(
    options: {
      readonly limits?: RolloutLogLimits;
      readonly metrics?: MetricsRegistry;
      /** Sees every rollout at its one ending. */
      readonly onFinished?: (rollout: Rollout, runId: string) => void;
      readonly now?: () => number;
    } = {},
  ) {
    this.log = new RolloutLog(options.limits);
    this.#now = options.now ?? Date.now;
    this.#onFinished = options.onFinished ?? (() => {});
    this.#ended = options.metrics?.counter({
      name: 'lachesis_rollouts_ended_total',
      help: 'Rollouts that ended, by why their agent stopped and whether they were scored.',
      labels: ['stop_reason', 'outcome'],
    });
    this.#sampled = options.metrics?.counter({
      name: 'lachesis_sampled_tokens_total',
      help: 'Tokens that engines sampled in rollouts that ended.',
    });
    this.#buckets = options.metrics?.counter({
      name: 'lachesis_ledger_tokens_total',
      help: 'Where the sampled tokens of rollouts that ended went, by bucket.',
      labels: ['bucket'],
    });
  }

  /**
   * Logs what whoever plays for a run tells; false for what comes after the rollout's ending, a second one
   * as well, and for a turn that was told before.
   */
  progress(event: RolloutProgress, runId: string): boolean {
    const logged = this.log.append(event, runId, this.#now());
    if (event.kind === 'finished') this.#finished(event, runId, logged);
    return logged;
  }

  /** Fires when the rollout shall end early. */
  signalOf(rollout: RolloutKey): AbortSignal {
    return this.#cancellations.signalOf(rollout);
  }

  isCancelled(rollout: RolloutKey): boolean {
    return this.#cancellations.isCancelled(rollout);
  }

  /** Rollouts of a group that shall not be played (on), also where they ended before anyone had them; `all`: none shall. */
  cancelledOf(group: GroupKey): { readonly all: boolean; readonly rolloutIds: readonly string[] } {
    const { runId } = group;
    const isCancelled = (rolloutId: string) => this.isCancelled({ runId, rolloutId });
    const known = this.log.rolloutsOf(group);
    const open = this.openOf(group);
    return {
      all: known.length > 0 && open.every(({ rolloutId }) => isCancelled(rolloutId)),
      rolloutIds: known.filter(isCancelled),
    };
  }

  /**
   * Ends the rollouts that have not ended; returns their ids. One that has not begun ends here and
   * now, one that plays ends by its player, with what it has done so far.
   */
  cancel(states: readonly RolloutState[], reason: string): readonly string[] {
    const open = states.filter(({ kind }) => kind !== 'finished');
    const message = reason === '' ? 'the rollout was cancelled.' : reason;
    const error = new LachesisError('cancelled', message, { reason: ROLLOUT_CANCELLED });
    for (const state of open) {
      this.#cancellations.cancel(keyOf(state), error);
      if (state.kind === 'waiting') this.#end(state, error);
    }
    return open.map(({ rolloutId }) => rolloutId);
  }

  /** The group is stored: its rollouts end as they stand in it, and those that are not in it as "not kept". */
  endWith(group: GroupKey, rollouts: readonly Rollout[]): void {
    const { runId, groupId } = group;
    for (const rollout of rollouts) {
      this.progress({ kind: 'finished', rolloutId: rollout.id, groupId, rollout }, runId);
    }
    for (const state of this.openOf(group)) {
      if (this.isCancelled(keyOf(state))) this.#end(state, cancelledError());
    }
    const message = 'the rollout is not in the group that was stored.';
    const remedy = "Another attempt's group came first, or the run's policy dropped the rollout.";
    this.abandon(group, new LachesisError('aborted', message, { reason: 'NOT_KEPT', remedy }));
  }

  /** The group will not be played on: its rollouts that have no ending get one. */
  abandon(group: GroupKey, error: LachesisError): void {
    for (const state of this.openOf(group)) this.#end(state, error);
  }

  /** Nobody plays any more: whatever has no ending gets one. */
  endAll(error: LachesisError): void {
    for (const state of this.log.open()) this.#end(state, error);
  }

  /** The rollouts of a group that have not ended. */
  openOf(group: GroupKey): readonly RolloutState[] {
    return this.log.rolloutsOf(group).flatMap((rolloutId) => {
      const state = this.log.stateOf({ runId: group.runId, rolloutId });
      return state === undefined || state.kind === 'finished' ? [] : state;
    });
  }

  #finished(
    event: RolloutProgress & { readonly kind: 'finished' },
    runId: string,
    logged: boolean,
  ): void {
    this.#cancellations.release({ runId, rolloutId: event.rolloutId });
    if (!logged) return;
    const { result, outcome, ledger } = event.rollout;
    this.#ended?.add(1, { stop_reason: result.stopReason, outcome: outcome.kind });
    this.#sampled?.add(ledger.sampled);
    for (const bucket of BUCKETS) {
      if (ledger[bucket] > 0) this.#buckets?.add(ledger[bucket], { bucket: bucketName(bucket) });
    }
    this.#onFinished(event.rollout, runId);
  }

  #end(state: RolloutState, error: LachesisError): void {
    const { rolloutId, group } = state;
    const rollout = abandonedRollout(state, error, this.#now());
    const event = { kind: 'finished', rolloutId, groupId: group.groupId, rollout } as const;
    this.progress(event, group.runId);
  }
}

function keyOf({ rolloutId, group }: RolloutState): RolloutKey {
  return { runId: group.runId, rolloutId };
}

function cancelledError(): LachesisError {
  return new LachesisError('cancelled', 'the rollout was cancelled.', {
    reason: ROLLOUT_CANCELLED,
  });
}
