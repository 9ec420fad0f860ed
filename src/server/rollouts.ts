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
import { RolloutLog, type RolloutLogLimits, type RolloutState } from './rollout-log.ts';

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

  /** Logs what whoever plays tells; false for what comes after the rollout's ending, a second one as well. */
  progress(event: RolloutProgress): boolean {
    const logged = this.log.append(event, this.#now());
    if (event.kind === 'finished') this.#finished(event, logged);
    return logged;
  }

  /** Fires when the rollout shall end early. */
  signalOf(rolloutId: string): AbortSignal {
    return this.#cancellations.signalOf(rolloutId);
  }

  isCancelled(rolloutId: string): boolean {
    return this.#cancellations.isCancelled(rolloutId);
  }

  /** Rollouts of a group that shall not be played (on), also where they ended before anyone had them; `all`: none shall. */
  cancelledOf(groupId: string): { readonly all: boolean; readonly rolloutIds: readonly string[] } {
    const known = this.log.rolloutsOf(groupId);
    const open = this.#openOf(groupId);
    return {
      all: known.length > 0 && open.every(({ rolloutId }) => this.isCancelled(rolloutId)),
      rolloutIds: known.filter((id) => this.isCancelled(id)),
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
      this.#cancellations.cancel(state.rolloutId, error);
      if (state.kind === 'waiting') this.#end(state, error);
    }
    return open.map(({ rolloutId }) => rolloutId);
  }

  /** The group is stored: its rollouts end as they stand in it, and those that are not in it as "not kept". */
  endWith(groupId: string, rollouts: readonly Rollout[]): void {
    for (const rollout of rollouts) {
      this.progress({ kind: 'finished', rolloutId: rollout.id, groupId, rollout });
    }
    for (const state of this.#openOf(groupId)) {
      if (this.isCancelled(state.rolloutId)) this.#end(state, cancelledError());
    }
    const message = 'the rollout is not in the group that was stored.';
    const remedy = "Another attempt's group came first, or the run's policy dropped the rollout.";
    this.abandon(groupId, new LachesisError('aborted', message, { reason: 'NOT_KEPT', remedy }));
  }

  /** The group will not be played on: its rollouts that have no ending get one. */
  abandon(groupId: string, error: LachesisError): void {
    for (const state of this.#openOf(groupId)) this.#end(state, error);
  }

  /** Nobody plays any more: whatever has no ending gets one. */
  endAll(error: LachesisError): void {
    for (const state of this.log.open()) this.#end(state, error);
  }

  #finished(event: RolloutProgress & { readonly kind: 'finished' }, logged: boolean): void {
    this.#cancellations.release(event.rolloutId);
    if (!logged) return;
    const { result, outcome, ledger } = event.rollout;
    this.#ended?.add(1, { stop_reason: result.stopReason, outcome: outcome.kind });
    this.#sampled?.add(ledger.sampled);
    for (const bucket of BUCKETS) {
      if (ledger[bucket] > 0) this.#buckets?.add(ledger[bucket], { bucket: bucketName(bucket) });
    }
    this.#onFinished(event.rollout, this.log.stateOf(event.rolloutId)?.group.runId ?? '');
  }

  #openOf(groupId: string): readonly RolloutState[] {
    return this.log.rolloutsOf(groupId).flatMap((id) => {
      const state = this.log.stateOf(id);
      return state === undefined || state.kind === 'finished' ? [] : state;
    });
  }

  #end(state: RolloutState, error: LachesisError): void {
    const { rolloutId, group } = state;
    const rollout = abandonedRollout(state, error, this.#now());
    this.progress({ kind: 'finished', rolloutId, groupId: group.groupId, rollout });
  }
}

function cancelledError(): LachesisError {
  return new LachesisError('cancelled', 'the rollout was cancelled.', {
    reason: ROLLOUT_CANCELLED,
  });
}
