import type { ToolDefinition } from '../messages.ts';
import { firstEvent, thinkBlocks } from './block-events.ts';
import type { BlockGrammar } from './block-grammar.ts';
import { skipJsonSpace } from './json-scanner.ts';
import { readBlock } from './read-block.ts';
import { beforeCut, endsWithin, readingOf } from './reading.ts';
import type { CompletionStream, ParsedCompletion, ParseOptions } from './tool-call-parser.ts';

type ParseWhole = (
  text: string,
  options: ParseOptions,
) => { readonly completion: ParsedCompletion; readonly firstCall: number };

/**
 * Tells a text as it comes, up to its first call. What may yet become a call is held back, and told as
 * soon as it can't; it is read again only when it has doubled, so that all pieces together cost what
 * the text costs.
 */
export function blockStream(
  grammar: BlockGrammar,
  tools: readonly ToolDefinition[],
  parse: ParseWhole,
): CompletionStream {
  const pieces: string[] = [];
  const teller = new Teller(grammar, tools);
  let toldLength = 0;
  return {
    push(piece) {
      pieces.push(piece);
      const told = teller.push(piece);
      toldLength += told.length;
      return told;
    },
    end(finishReason) {
      const text = pieces.join('');
      const { completion, firstCall } = parse(text, { tools, finishReason });
      return { rest: text.slice(toldLength, Math.max(firstCall, toldLength)), completion };
    },
  };
}

class Teller {
  readonly #grammar: BlockGrammar;
  readonly #tools: readonly ToolDefinition[];
  readonly #markers: readonly string[];
  #held = '';
  /** The held text is not looked at before it is so long. */
  #enough = 0;
  /** What ends the think block that the text stands in. */
  #thinkEnd: string | undefined;
  #isLeading = true;
  #hasCall = false;

  constructor(grammar: BlockGrammar, tools: readonly ToolDefinition[]) {
    this.#grammar = grammar;
    this.#tools = tools;
    this.#markers = [
      ...grammar.openers,
      ...thinkBlocks(grammar).flatMap(({ open, close }) => [open, close]),
    ];
  }

  push(piece: string): string {
    if (this.#hasCall) return '';
    this.#held += piece;
    if (this.#held.length < this.#enough) return '';
    this.#enough = 0;
    const safe = this.#safeLength();
    const told = this.#held.slice(0, safe);
    this.#held = this.#held.slice(safe);
    return told;
  }

  /** How much of what is held can't be part of a call, whatever follows. */
  #safeLength(): number {
    const text = this.#held;
    const reading = readingOf(text, { tools: this.#tools, finishReason: 'length' });
    let position = 0;
    for (;;) {
      if (this.#thinkEnd !== undefined) {
        const close = reading.find(this.#thinkEnd, position);
        if (close === Number.POSITIVE_INFINITY) return beforeCut(text, position, [this.#thinkEnd]);
        position = close + this.#thinkEnd.length;
        this.#thinkEnd = undefined;
        this.#isLeading = true;
      }
      const event = firstEvent(this.#grammar, reading, position, this.#isLeading);
      switch (event.kind) {
        case 'end':
          return this.#plain(position);
        case 'think_end':
          position = event.end;
          this.#isLeading = true;
          break;
        case 'think':
          position = event.start;
          this.#thinkEnd = event.close;
          break;
        case 'block': {
          const { end, calls } = readBlock(this.#grammar, reading, event.start, event.opener);
          if (calls.length > 0) this.#hasCall = true;
          else if (end >= text.length) this.#enough = 2 * (text.length - event.start);
          if (calls.length > 0 || end >= text.length) return event.start;
          position = end;
          this.#isLeading = false;
        }
      }
    }
  }

  /** The rest of the text, from `position` on, has no marker in it; it may end within one. */
  #plain(position: number): number {
    const text = this.#held;
    const safe = beforeCut(text, position, this.#markers);
    if (!this.#isLeading) return safe;
    const lead = skipJsonSpace(text, position);
    if (lead >= safe) return safe;
    const { leadingOpeners = [] } = this.#grammar;
    if (leadingOpeners.some((opener) => endsWithin(text, lead, opener))) return lead;
    this.#isLeading = false;
    return safe;
  }
}
