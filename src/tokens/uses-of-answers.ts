import type { JudgedCall } from './call-use.ts';
import { isActPurpose } from './call-use.ts';

/**
 * What the agents' own calls made of earlier answers: those for another purpose, and those whose reply
 * was lost, take nobody's answer up.
 */
export class UsesOfAnswers {
  /** By answer: the last call that went on from it. */
  readonly #continuedBy = new Map<number, number>();
  /** By answer: the last call that was given it in other words, and how much of it they have. */
  readonly #alteredBy = new Map<number, { readonly by: number; readonly commonTokens: number }>();
  readonly #left: ReadonlySet<number>;

  /** In the order of asking. */
  constructor(calls: readonly JudgedCall[]) {
    this.#left = branchesLeft(calls);
    for (const [by, call] of calls.entries()) {
      if (!takesUp(call)) continue;
      const { continues, alters } = call;
      this.#continuedBy.set(continues, by);
      if (alters !== undefined) {
        this.#alteredBy.set(alters.callIndex, { by, commonTokens: alters.commonTokens });
      }
    }
  }

  isContinued(callIndex: number): boolean {
    return this.#continuedBy.has(callIndex);
  }

  /** Tokens that the other words have in common; undefined where it was given in no other. */
  commonTokens(callIndex: number): number | undefined {
    return this.#alteredBy.get(callIndex)?.commonTokens;
  }

  get anyAltered(): boolean {
    return this.#alteredBy.size > 0;
  }

  isTaken(callIndex: number): boolean {
    return this.#continuedBy.has(callIndex) || this.#alteredBy.has(callIndex);
  }

  /** Its agent went back behind it, asked at its place again, and never came back to it. */
  isLeft(callIndex: number): boolean {
    return this.#left.has(callIndex);
  }

  /** Whether its agent went on, after that call, from an answer that the call had passed over. */
  isRejected(callIndex: number, { passesOver }: JudgedCall): boolean {
    return passesOver.some(
      (other) =>
        Math.max(this.#continuedBy.get(other) ?? -1, this.#alteredBy.get(other)?.by ?? -1) >
        callIndex,
    );
  }
}

function takesUp({ purpose, failed }: JudgedCall): boolean {
  return !failed && isActPurpose(purpose);
}

/** The calls that were passed over after all that was made of them, and what was made of them. */
function branchesLeft(calls: readonly JudgedCall[]): ReadonlySet<number> {
  // The last call that came of each, itself included. Calls go on from earlier ones only.
  const last = calls.map((_, index) => index);
  const parentsOf = ({ continues, alters }: JudgedCall): readonly number[] =>
    [continues, alters?.callIndex ?? -1].filter((index) => index >= 0);
  for (let index = calls.length - 1; index >= 0; index--) {
    const call = calls[index]!;
    if (!takesUp(call)) continue;
    for (const parent of parentsOf(call)) last[parent] = Math.max(last[parent]!, last[index]!);
  }
  const left = new Set<number>();
  for (const [index, { passesOver }] of calls.entries()) {
    for (const other of passesOver) if (last[other]! < index) left.add(other);
  }
  for (const [index, call] of calls.entries()) {
    if (parentsOf(call).some((parent) => left.has(parent))) left.add(index);
  }
  return left;
}
