import { type EnvironmentFigures, type Shortened, shortened } from './run-detail.ts';

/** Batches that the shares are of. */
const RECENT_BATCHES = 32;

interface Amount {
  groups: number;
  rows: number;
  tokens: number;
}

interface Tally {
  readonly waiting: Amount;
  readonly recent: Amount;
}

/** What a group weighs; not the group itself, which may be let go meanwhile. */
export interface Weighed {
  readonly environment: string;
  readonly rows: number;
  readonly tokens: number;
}

/** What waits of each environment, and what it had of the last batches; kept as groups come and go. */
export class EnvironmentShares {
  #weights: ReadonlyMap<string, number> = new Map();
  readonly #tallies = new Map<string, Tally>();
  /** By step, oldest first. */
  readonly #recent = new Map<number, readonly Weighed[]>();

  /** `weights` of the environments that the run asks for, which are listed even when nothing came. */
  constructor(weights: ReadonlyMap<string, number>) {
    this.ask(weights);
  }

  ask(weights: ReadonlyMap<string, number>): void {
    const before = [...this.#weights.keys()];
    this.#weights = weights;
    for (const environment of weights.keys()) this.#tally(environment);
    for (const environment of before) this.#forget(environment);
  }

  get recentBatches(): number {
    return this.#recent.size;
  }

  added(group: Weighed): void {
    add(this.#tally(group.environment).waiting, group, 1);
  }

  removed(group: Weighed): void {
    add(this.#tally(group.environment).waiting, group, -1);
    this.#forget(group.environment);
  }

  /** A batch was cut. One of a step that is known is left as it is. */
  cut(step: number, groups: readonly Weighed[]): void {
    if (this.#recent.has(step)) return;
    this.#recent.set(step, groups);
    for (const group of groups) add(this.#tally(group.environment).recent, group, 1);
    if (this.#recent.size <= RECENT_BATCHES) return;
    const [oldest, left] = this.#recent.entries().next().value!;
    this.#recent.delete(oldest);
    this.#leave(left);
  }

  #leave(groups: readonly Weighed[]): void {
    for (const group of groups) {
      add(this.#tally(group.environment).recent, group, -1);
      this.#forget(group.environment);
    }
  }

  /** That batch never was. */
  uncut(step: number): void {
    const groups = this.#recent.get(step) ?? [];
    this.#recent.delete(step);
    this.#leave(groups);
  }

  read(): Shortened<EnvironmentFigures> {
    const shares = Iterator.from(this.#tallies).map(
      ([environment, { waiting, recent }]): EnvironmentFigures => ({
        environment,
        waitingGroups: waiting.groups,
        waitingRows: waiting.rows,
        waitingTokens: waiting.tokens,
        recentGroups: recent.groups,
        recentRows: recent.rows,
        recentTokens: recent.tokens,
        weight: this.#weights.get(environment),
      }),
    );
    return shortened(shares, this.#tallies.size);
  }

  #tally(environment: string): Tally {
    let tally = this.#tallies.get(environment);
    if (tally === undefined) {
      tally = { waiting: nothing(), recent: nothing() };
      this.#tallies.set(environment, tally);
    }
    return tally;
  }

  /** Names are strangers' words: one of which nothing is left is not kept. */
  #forget(environment: string): void {
    const tally = this.#tallies.get(environment);
    if (tally === undefined || this.#weights.has(environment)) return;
    if (tally.waiting.groups === 0 && tally.recent.groups === 0) this.#tallies.delete(environment);
  }
}

function nothing(): Amount {
  return { groups: 0, rows: 0, tokens: 0 };
}

function add(amount: Amount, { rows, tokens }: Weighed, sign: 1 | -1): void {
  amount.groups += sign;
  amount.rows += sign * rows;
  amount.tokens += sign * tokens;
}
