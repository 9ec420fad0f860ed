import type { Message, ToolMessage } from '../../messages.ts';
import { notePlace, withNote } from './dropped-note.ts';
import { shortenResult } from './shorten-result.ts';
import { isProtected, type Unit } from './units.ts';
import type { PromptView, TokenCounter } from './view.ts';

/** What was decided at earlier cuts and stays so: a prompt's prefix only changes when it is cut again. */
export interface SafeViewState {
  /** Unprotected messages before this transcript index are left out. */
  readonly cut: number;
  /** Results that are shown shortened, by transcript index. */
  readonly shortened: ReadonlyMap<number, ToolMessage>;
  /** The view that came of it, so that the next one need not look at the same messages again. */
  readonly last?: LastView;
}

export interface LastView {
  /** Of how many messages, and the last of them. */
  readonly length: number;
  readonly newest: Message | undefined;
  readonly fixedTokens: number;
  readonly view: PromptView;
}

/** What a view is counted by. */
export interface Counting {
  /** Of what a prompt holds beside its messages. */
  readonly fixedTokens: number;
  readonly counter: TokenCounter;
  /** Stands in the head when messages are left out; empty for none. */
  readonly note: string;
}

/** A message of the head with the note, and what that adds. */
interface HeadNote {
  readonly index: number;
  readonly message: Message;
  readonly tokens: number;
}

function headNote(messages: readonly Message[], { counter, note }: Counting): HeadNote | undefined {
  const index = note === '' ? -1 : notePlace(messages);
  const plain = messages[index];
  if (plain === undefined) return undefined;
  const message = withNote(plain, note);
  return { index, message, tokens: counter.message(message) - counter.message(plain) };
}

/** A view in the making, with its count. */
export class ViewDraft {
  cut: number;
  tokens: number;
  readonly #messages: readonly Message[];
  readonly #counting: Counting;
  readonly #isProtected: (index: number) => boolean;
  readonly #before: SafeViewState;
  #shortened: Map<number, ToolMessage> | undefined;
  #headNote: { readonly made: HeadNote | undefined } | undefined;
  #isNoted = false;

  constructor(messages: readonly Message[], counting: Counting, state: SafeViewState) {
    this.#messages = messages;
    this.#counting = counting;
    this.#isProtected = isProtected(messages);
    this.#before = state;
    this.cut = state.cut;
    this.tokens = counting.fixedTokens;
    let isWhole = true;
    for (let index = 0; index < messages.length; index += 1) {
      if (this.#isShown(index)) this.tokens += this.#count(index);
      else isWhole = false;
    }
    if (!isWhole) this.#addNote();
  }

  /** What the head and one unit would take, with the note where anything else is left out then. */
  tokensAlone({ start, end }: Unit): number {
    let tokens = this.#counting.fixedTokens;
    let isWhole = true;
    for (let index = 0; index < this.#messages.length; index += 1) {
      if ((index >= start && index < end) || this.#isProtected(index)) tokens += this.#count(index);
      else isWhole = false;
    }
    return isWhole ? tokens : tokens + (this.#note?.tokens ?? 0);
  }

  /** Shortens a shown result; says how many tokens that saved. */
  shorten(index: number): number {
    const message = this.#at(index);
    if (message.role !== 'tool' || !this.#isShown(index) || this.#short.has(index)) return 0;
    const short = shortenResult(message);
    const { counter } = this.#counting;
    const saved = counter.message(message) - counter.message(short);
    if (saved <= 0) return 0;
    this.#shortened ??= new Map(this.#before.shortened);
    this.#shortened.set(index, short);
    this.tokens -= saved;
    return saved;
  }

  dropTo(end: number): void {
    for (let index = this.cut; index < end; index += 1) {
      if (this.#isProtected(index)) continue;
      this.tokens -= this.#count(index);
      this.#addNote();
    }
    this.cut = Math.max(this.cut, end);
  }

  get state(): SafeViewState {
    return { cut: this.cut, shortened: this.#short };
  }

  view(budgetTokens: number): PromptView {
    const shownIndexes: number[] = [];
    const dropped: number[] = [];
    for (let index = 0; index < this.#messages.length; index += 1) {
      (this.#isShown(index) ? shownIndexes : dropped).push(index);
    }
    return {
      messages: shownIndexes.map((index) =>
        this.#isNoted && index === this.#note?.index
          ? this.#note.message
          : (this.#short.get(index) ?? this.#at(index)),
      ),
      transcriptIndexes: shownIndexes,
      shortened: shownIndexes.filter((index) => this.#short.has(index)),
      dropped,
      tokens: this.tokens,
      fits: this.tokens <= budgetTokens,
    };
  }

  /** Once something is left out, the head says so. */
  #addNote(): void {
    if (this.#isNoted || this.#note === undefined) return;
    this.tokens += this.#note.tokens;
    this.#isNoted = true;
  }

  /** Made, and so counted, only once it is needed. */
  get #note(): HeadNote | undefined {
    this.#headNote ??= { made: headNote(this.#messages, this.#counting) };
    return this.#headNote.made;
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
    return this.#counting.counter.message(this.#short.get(index) ?? this.#at(index));
  }
}
