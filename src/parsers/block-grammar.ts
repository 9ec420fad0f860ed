import type { Reading } from './reading.ts';
import type {
  ParsedCall,
  ParserDiagnostic,
  ThinkBlock,
  ToolCallParser,
} from './tool-call-parser.ts';

/**
 * What a block of calls turned out to be. Where more text could change that, `end` is the end of the
 * text: what ends before it is final, and a stream tells the text of what is no call.
 */
export interface Block {
  /** Where the text goes on: beyond where it began, else the block is no call; at most the text's end. */
  readonly end: number;
  /** Empty: no call after all, and the block is content. */
  readonly calls: readonly ParsedCall[];
  /** Where its calls end and what is left of it is content: a list that breaks off. Default: `end`. */
  readonly callsEnd?: number;
  /** What looked like a call in it and is none; the good ones beside it are kept. */
  readonly problems?: readonly Omit<ParserDiagnostic, 'offset'>[];
}

/** A grammar whose calls stand in blocks, each beginning with a marker. */
export interface BlockGrammar {
  readonly name: string;
  /** Any of them may begin a block, wherever it stands. Literal: looking for them is linear. */
  readonly openers: readonly string[];
  /**
   * These begin a block only where nothing but white space stands before them in the text, or between
   * a think block and them. Default: none.
   */
  readonly leadingOpeners?: readonly string[];
  /** The family's think blocks. Default: `<think>` and `</think>`. */
  readonly thinking?: ThinkBlock | readonly ThinkBlock[] | 'none';
  /**
   * Reads the block whose opener stands at `start`, forwards only: of a stream, what stands before is
   * not there. What it throws becomes a diagnostic.
   */
  readonly read: (reading: Reading, start: number, opener: string) => Block;
  /** Calls in the family's own spelling. One that `read` does not read back is shown as text instead. */
  readonly renderCalls: ToolCallParser['renderCalls'];
  readonly callId?: NonNullable<ToolCallParser['callId']>;
}
