import { HARMONY_ENDS, messageEnd, nextHarmonyMessage } from './harmony-messages.ts';
import { beforeCut, readingOf } from './reading.ts';
import type { CompletionStream, ParsedCompletion } from './tool-call-parser.ts';

type ParseWhole = (
  text: string,
  finishReason: string,
) => { readonly completion: ParsedCompletion; readonly beforeCalls: string };

/** Tells the content as it comes, up to the first call. Other messages are read again as they double. */
export class HarmonyStream implements CompletionStream {
  readonly #parse: ParseWhole;
  readonly #pieces: string[] = [];
  #held = '';
  /** The held text is not looked at before it is so long. */
  #enough = 0;
  #isInContent = false;
  #hasCall = false;
  #toldLength = 0;
  /** Whether what is told next begins a line of its own. */
  #isNewPiece = true;

  constructor(parse: ParseWhole) {
    this.#parse = parse;
  }

  push(piece: string): string {
    this.#pieces.push(piece);
    if (this.#hasCall) return '';
    this.#held += piece;
    if (this.#held.length < this.#enough) return '';
    this.#enough = 0;
    const told: string[] = [];
    const position = this.#read(told);
    this.#held = this.#held.slice(position);
    return told.join('');
  }

  end(finishReason: string): { readonly rest: string; readonly completion: ParsedCompletion } {
    const { completion, beforeCalls } = this.#parse(this.#pieces.join(''), finishReason);
    return { rest: beforeCalls.slice(this.#toldLength), completion };
  }

  /** Reads what is held as far as it is certain, and gives how far that is. */
  #read(told: string[]): number {
    const text = this.#held;
    const reading = readingOf(text, { tools: [], finishReason: 'length' });
    let position = 0;
    for (;;) {
      if (this.#isInContent) {
        const { at, end } = messageEnd(reading, position);
        const safe = Math.min(at, beforeCut(text, position, HARMONY_ENDS));
        this.#tell(told, text.slice(position, safe));
        if (at >= text.length) return safe;
        position = end;
        this.#isInContent = false;
      }
      const message = nextHarmonyMessage(reading, position);
      if (message === undefined) return this.#waitAt(position);
      switch (message.kind) {
        case 'content':
          this.#isInContent = true;
          this.#isNewPiece = true;
          position = message.bodyStart;
          continue;
        case 'stray':
          this.#isNewPiece = true;
          this.#tell(told, message.text);
          break;
        case 'call':
          this.#hasCall = true;
          return position;
        case 'reasoning':
        case 'no_call':
          if (message.end >= text.length) return this.#waitAt(position);
          if (message.kind === 'no_call') {
            this.#isNewPiece = true;
            this.#tell(told, text.slice(position, message.end));
          }
      }
      position = message.end;
    }
  }

  #waitAt(position: number): number {
    this.#enough = 2 * (this.#held.length - position);
    return position;
  }

  #tell(told: string[], text: string): void {
    if (text === '') return;
    const piece = this.#isNewPiece && this.#toldLength > 0 ? `\n${text}` : text;
    this.#isNewPiece = false;
    this.#toldLength += piece.length;
    told.push(piece);
  }
}
