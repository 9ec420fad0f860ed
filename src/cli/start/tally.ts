import type { Rollout } from '../../contract/index.ts';
import { addLedgers, emptyLedger, type Ledger } from '../../tokens/index.ts';

/** Running sums over finished rollouts. */
export class Tally {
  #rollouts = 0;
  #notScored = 0;
  #cancelled = 0;
  #ledger: Ledger = emptyLedger();
  #attempted = 0;
  #executedOk = 0;
  #execError = 0;

  add(rollout: Rollout): void {
    const { toolCalls } = rollout.result;
    this.#rollouts += 1;
    const { outcome } = rollout;
    if (outcome.kind === 'not_scored') {
      // What was under way when the trainer closed the run was cancelled, and what a lease ended on is
      // played again; nothing is wrong with either.
      const { kind, reason } = outcome.failure;
      if (kind === 'cancelled' || reason === 'PLAYED_AGAIN') this.#cancelled += 1;
      else this.#notScored += 1;
    }
    this.#ledger = addLedgers(this.#ledger, rollout.ledger);
    this.#attempted += toolCalls.attempted;
    this.#executedOk += toolCalls.executedOk;
    this.#execError += toolCalls.execError;
  }

  /** A sitting's end that was none: what failed beyond `notScored` failed with it. */
  interrupted(notScored: number): void {
    this.#cancelled += Math.max(0, this.#notScored - notScored);
    this.#notScored = notScored;
  }

  get rollouts(): number {
    return this.#rollouts;
  }

  get cancelled(): number {
    return this.#cancelled;
  }

  /** Failed, and not just cancelled. */
  get notScored(): number {
    return this.#notScored;
  }

  get ledger(): Ledger {
    return this.#ledger;
  }

  get toolCalls(): { attempted: number; executedOk: number; execError: number } {
    return {
      attempted: this.#attempted,
      executedOk: this.#executedOk,
      execError: this.#execError,
    };
  }
}
