import type { Message, ToolDefinition } from '../../messages.ts';
import { isClosed, type Unit, unitsOf } from './units.ts';
import type { PromptView, TokenCounter } from './view.ts';
import { type Counting, type LastView, type SafeViewState, ViewDraft } from './view-draft.ts';

export type { SafeViewState } from './view-draft.ts';

export const WHOLE: SafeViewState = { cut: 0, shortened: new Map() };

/** A cut goes down to this share of the budget, so that the next one is some turns away. */
export const CUT_TO = 0.8;

export interface SafeViewOptions {
  readonly budgetTokens: number;
  readonly counter: TokenCounter;
  /** Tells the model, in the head, that messages are left out; empty for nothing. Default: nothing. */
  readonly note?: string;
}

/**
 * The view of a transcript that fits in `budgetTokens`. While the view of the last cut fits, it only
 * grows. Else, until it is down to {@link CUT_TO}: the newest turn's results are shortened if it
 * wouldn't fit even alone with the head; older results are shortened, oldest first; then the oldest
 * turns are left out, calls and results together. The head and the newest turn always stay.
 */
export function safeView(
  messages: readonly Message[],
  tools: readonly ToolDefinition[],
  { budgetTokens, counter, note = '' }: SafeViewOptions,
  state: SafeViewState = WHOLE,
): PromptView & { readonly state: SafeViewState } {
  const fixedTokens = counter.fixed(tools);
  const grown = grownView(messages, fixedTokens, counter, state.last);
  if (grown !== undefined && grown.tokens <= budgetTokens) {
    return { ...grown, state: remember(state, grown, messages, fixedTokens) };
  }
  const draft = cutDraft(messages, { fixedTokens, counter, note }, budgetTokens, state);
  const view = draft.view(budgetTokens);
  return { ...view, state: remember(draft.state, view, messages, fixedTokens) };
}

function remember(
  { cut, shortened }: SafeViewState,
  view: PromptView,
  messages: readonly Message[],
  fixedTokens: number,
): SafeViewState {
  const last = { length: messages.length, newest: messages.at(-1), fixedTokens, view };
  return { cut, shortened, last };
}

/** The last view with what has been said since; undefined when that isn't whole turns. */
function grownView(
  messages: readonly Message[],
  fixedTokens: number,
  counter: TokenCounter,
  last: LastView | undefined,
): PromptView | undefined {
  if (last === undefined || messages[last.length - 1] !== last.newest) return undefined;
  const added = messages.slice(last.length);
  if (!isClosed(added)) return undefined;
  const tokens = added.reduce(
    (sum, message) => sum + counter.message(message),
    last.view.tokens - last.fixedTokens + fixedTokens,
  );
  return {
    ...last.view,
    fits: true,
    messages: last.view.messages.concat(added),
    transcriptIndexes: last.view.transcriptIndexes.concat(added.map((_, at) => last.length + at)),
    tokens,
  };
}

function cutDraft(
  messages: readonly Message[],
  counting: Counting,
  budgetTokens: number,
  state: SafeViewState,
): ViewDraft {
  const units = unitsOf(messages);
  const cut = wholeUnits(state.cut, units);
  const draft = new ViewDraft(messages, counting, { ...state, cut });
  if (draft.tokens <= budgetTokens) return draft;

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
  return draft;
}

/** A cut never runs through a unit, also when a result came late; the newest unit is shown again then. */
function wholeUnits(cut: number, units: readonly Unit[]): number {
  const split = units.find(({ start, end }) => start < cut && cut < end);
  if (split === undefined) return cut;
  return split === units.at(-1) ? split.start : split.end;
}
