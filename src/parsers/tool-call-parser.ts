/** A call as it stood in the text. */
export interface ParsedCall {
  readonly name: string;
  /** The model's own text of the arguments: of an object its exact substring, of a JSON string its content. */
  readonly argumentsText: string;
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
  /** The tools that were offered; grammars whose names run into the arguments need them. */
  readonly toolNames: readonly string[];
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
}

/** Hostile text can hold any number of openings; nobody reads more than these. */
export const MAX_DIAGNOSTICS = 32;

/**
 * One grammar in which models write tool calls. Pure and linear in the length of the text, whatever
 * the text; never throws.
 */
export interface ToolCallParser {
  readonly name: string;
  parse(text: string, options: ParseOptions): ParsedCompletion;
  /** The text that `parse` reads back as this very call. */
  renderCall(call: ParsedCall): string;
}
