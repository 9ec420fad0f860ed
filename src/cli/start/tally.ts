import type { Rollout } from '../../contract/index.ts';
import { addLedgers, emptyLedger, type Ledger } from '../../tokens/index.ts';

/** Running sums over finished rollouts. */
export class Tally {
  #rollouts = 0;
  #notScored = 0;
  #ledger: Ledger = emptyLedger();
  #attempted = 0;
  #executedOk = 0;
  #execError = 0;

  add(rollout: Rollout): void {
    const { toolCalls } = rollout.result;
    this.#rollouts += 1;
    if (rollout.outcome.kind === 'not_scored') this.#notScored += 1;
    this.#ledger = addLedgers(this.#ledger, rollout.ledger);
    this.#attempted += toolCalls.attempted;
    this.#executedOk += toolCalls.executedOk;
    this.#execError += toolCalls.execError;
  }

  get rollouts(): number {
    return this.#rollouts;
  }

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
