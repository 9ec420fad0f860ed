import type { ToolDefinition } from '../messages.ts';

/** A call as it stood in the text. */
export interface ParsedCall {
  readonly name: string;
  /**
   * The model's own text of the arguments where they stand in it as JSON: of an object its exact
   * substring, of a JSON string its content. A grammar that spells arguments one by one makes the
   * object of them, each value's text kept wherever JSON allows.
   */
  readonly argumentsText: string;
  /** The id that the text itself gives the call, where its grammar has ids. */
  readonly id?: string;
}

/** Text that looked like a call and is none. */
export interface ParserDiagnostic {
  /**
   * `malformed`: not the grammar. `cut_off`: ended before its call did. `in_thinking`: stood in a
   * think block.
   */
  readonly kind: 'malformed' | 'cut_off' | 'in_thinking';
  /** Where in the text, in UTF-16 units. */
  readonly offset: number;
  readonly message: string;
}

export interface ParseOptions {
  /** The tools that were offered: values that are not spelled as JSON are read by their schemas. */
  readonly tools: readonly ToolDefinition[];
  /** The completion's own; with `length`, a call that isn't closed is no call. */
  readonly finishReason: string;
}

export interface ParsedCompletion {
  /** What the model said beside its calls. Without a call it is the text as it was. */
  readonly content: string;
  /** In the order of the text, names known or not. */
  readonly calls: readonly ParsedCall[];
  /** The first {@link MAX_DIAGNOSTICS}. */
  readonly diagnostics: readonly ParserDiagnostic[];
  /**
   * What the model thought, of a grammar in which answers stand in a place of their own: `content` is
   * the answer then, calls or not. Absent: think blocks are left in the content.
   */
  readonly reasoning?: string;
}

/** What a family's models think in: calls in it are not run. */
export interface ThinkBlock {
  readonly open: string;
  readonly close: string;
}

/** Hostile text can hold any number of openings; nobody reads more than these. */
export const MAX_DIAGNOSTICS = 32;

/** A text that comes piece by piece. */
export interface CompletionStream {
  /** Takes the next piece; gives the text before any call, as soon as it is certain that it is none. */
  push(piece: string): string;
  /**
   * What the whole text says, as {@link ToolCallParser.parse} does: calls are final only now, since what
   * comes later may show that they were thought, or cut off. `rest` is the text before the first call
   * that `push` held back.
   */
  end(finishReason: string): { readonly rest: string; readonly completion: ParsedCompletion };
}

/**
 * One grammar in which models write tool calls. Pure and linear in the length of the text, whatever
 * the text; never throws.
 */
export interface ToolCallParser {
  readonly name: string;
  /** The think blocks that `parse` leaves in the content. Default: `<think>` and `</think>`. */
  readonly thinking?: readonly ThinkBlock[];
  parse(text: string, options: ParseOptions): ParsedCompletion;
  stream(options: Pick<ParseOptions, 'tools'>): CompletionStream;
  /**
   * The text that `parse` reads back as these very calls, in the family's own spelling. A call that the
   * grammar cannot spell (a name with a space where spaces end names, a value with the very tag that
   * ends it) is no call there: it is shown as `not a call: {"name": ...}`, and never read as another.
   * `tools` are those that it will be read with, since a value without quotes is read by its schema. Without
   * them no parameter has one: `null` is then a text in some grammars, and the JSON null can't be spelled.
   */
  renderCalls(calls: readonly ParsedCall[], options?: Partial<Pick<ParseOptions, 'tools'>>): string;
  /** An id as the family's templates want it; undefined where any will do. `random` is uniform in [0, 1). */
  callId?(call: ParsedCall, index: number, random: () => number): string;
}
