import type { Message, ToolDefinition, ToolMessage } from '../../messages.ts';
import { shortenResult } from './shorten-result.ts';
import { isProtected, type Unit, unitsOf } from './units.ts';
import type { PromptView, TokenCounter } from './view.ts';

/** What was decided at earlier cuts and stays so: a prompt's prefix only changes when it is cut again. */
export interface SafeViewState {
  /** Unprotected messages before this transcript index are left out. */
  readonly cut: number;
  /** Results that are shown shortened, by transcript index. */
  readonly shortened: ReadonlyMap<number, ToolMessage>;
}

export const WHOLE: SafeViewState = { cut: 0, shortened: new Map() };

/** A cut goes down to this share of the budget, so that the next one is some turns away. */
export const CUT_TO = 0.8;

/**
 * The view of a transcript that fits in `budgetTokens`. While the view of the last cut fits, it only
 * grows. Else, until it is down to {@link CUT_TO}: the newest turn's results are shortened if it
 * wouldn't fit even alone with the head; older results are shortened, oldest first; then the oldest
 * turns are left out, calls and results together. The head and the newest turn always stay.
 */
export function safeView(
  messages: readonly Message[],
  tools: readonly ToolDefinition[],
  budgetTokens: number,
  counter: TokenCounter,
  state: SafeViewState = WHOLE,
): PromptView & { readonly state: SafeViewState } {
  const units = unitsOf(messages);
  const cut = wholeUnits(state.cut, units);
  const draft = new Draft(messages, counter.fixed(tools), counter, { ...state, cut });
  if (draft.tokens <= budgetTokens) return draft.view(budgetTokens);

  const goal = Math.floor(budgetTokens * CUT_TO);
  const newest = units.at(-1) ?? { start: 0, end: 0 };
  let alone = draft.tokensAlone(newest);
  if (alone > budgetTokens) {
    for (let index = newest.start; index < newest.end && alone > goal; index += 1) {
      alone -= draft.shorten(index);
    }
  }
  for (let index = draft.cut; index < newest.start && draft.tokens > goal; index += 1) {
    draft.shorten(index);
  }
  for (const unit of units) {
    if (draft.tokens <= goal || unit === newest) break;
    draft.dropTo(unit.end);
  }
  return draft.view(budgetTokens);
}

/** A cut never runs through a unit, also when a result came late; the newest unit is shown again then. */
function wholeUnits(cut: number, units: readonly Unit[]): number {
  const split = units.find(({ start, end }) => start < cut && cut < end);
  if (split === undefined) return cut;
  return split === units.at(-1) ? split.start : split.end;
}

/** A view in the making, with its count. */
class Draft {
  cut: number;
  tokens: number;
  readonly #messages: readonly Message[];
  readonly #fixedTokens: number;
  readonly #counter: TokenCounter;
  readonly #isProtected: (index: number) => boolean;
  readonly #before: SafeViewState;
  #shortened: Map<number, ToolMessage> | undefined;

  constructor(
    messages: readonly Message[],
    fixedTokens: number,
    counter: TokenCounter,
    state: SafeViewState,
  ) {
    this.#messages = messages;
    this.#fixedTokens = fixedTokens;
    this.#counter = counter;
    this.#isProtected = isProtected(messages);
    this.#before = state;
    this.cut = state.cut;
    this.tokens = fixedTokens;
    for (let index = 0; index < messages.length; index += 1) {
      if (this.#isShown(index)) this.tokens += this.#count(index);
    }
  }

  /** What the head and one unit would take. */
  tokensAlone({ start, end }: Unit): number {
    let tokens = this.#fixedTokens;
    for (let index = 0; index < this.#messages.length; index += 1) {
      if ((index >= start && index < end) || this.#isProtected(index)) tokens += this.#count(index);
    }
    return tokens;
  }

  /** Shortens a shown result; says how many tokens that saved. */
  shorten(index: number): number {
    const message = this.#at(index);
    if (message.role !== 'tool' || !this.#isShown(index) || this.#short.has(index)) return 0;
    const short = shortenResult(message);
    const saved = this.#counter.message(message) - this.#counter.message(short);
    if (saved <= 0) return 0;
    this.#shortened ??= new Map(this.#before.shortened);
    this.#shortened.set(index, short);
    this.tokens -= saved;
    return saved;
  }

  dropTo(end: number): void {
    for (let index = this.cut; index < end; index += 1) {
      if (!this.#isProtected(index)) this.tokens -= this.#count(index);
    }
    this.cut = Math.max(this.cut, end);
  }

  view(budgetTokens: number): PromptView & { readonly state: SafeViewState } {
    const shownIndexes: number[] = [];
    const dropped: number[] = [];
    for (let index = 0; index < this.#messages.length; index += 1) {
      (this.#isShown(index) ? shownIndexes : dropped).push(index);
    }
    return {
      messages: shownIndexes.map((index) => this.#short.get(index) ?? this.#at(index)),
      transcriptIndexes: shownIndexes,
      shortened: shownIndexes.filter((index) => this.#short.has(index)),
      dropped,
      tokens: this.tokens,
      fits: this.tokens <= budgetTokens,
      state: { cut: this.cut, shortened: this.#short },
    };
  }

  get #short(): ReadonlyMap<number, ToolMessage> {
    return this.#shortened ?? this.#before.shortened;
  }

  #at(index: number): Message {
    return this.#messages[index] as Message;
  }

  #isShown(index: number): boolean {
    return index >= this.cut || this.#isProtected(index);
  }

  #count(index: number): number {
    return this.#counter.message(this.#short.get(index) ?? this.#at(index));
  }
}
