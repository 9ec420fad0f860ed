import type { ToolDefinition } from '../messages.ts';
import type { TextSpan } from './json-scanner.ts';
import {
  MAX_DIAGNOSTICS,
  type ParsedCall,
  type ParsedCompletion,
  type ParseOptions,
  type ParserDiagnostic,
  type ToolCallParser,
} from './tool-call-parser.ts';

/** What a block of calls turned out to be. `end`: where the text goes on; beyond where it began. */
export type Block = {
  readonly end: number;
  /** Empty: no call after all, and the block is content. */
  readonly calls: readonly ParsedCall[];
  /** What looked like a call in it and is none; the good ones beside it are kept. */
  readonly problems?: readonly Omit<ParserDiagnostic, 'offset'>[];
};

/** What reading a block may ask. */
export interface Reading {
  readonly text: string;
  readonly finishReason: string;
  readonly tools: ReadonlyMap<string, ToolDefinition>;
  /**
   * Where `marker` stands next, at or after `from`; Infinity when it does not. Asked for ever later
   * positions, it reads the text once in all.
   */
  find(marker: string, from: number): number;
}

/** A grammar whose calls stand in blocks, each beginning with a marker. */
export interface BlockGrammar {
  readonly name: string;
  /** Any of them may begin a block. Literal: looking for them is linear. */
  readonly openers: readonly string[];
  /** The family's think block. Default: `<think>` and `</think>`. */
  readonly thinking?: { readonly open: string; readonly close: string } | 'none';
  /** Whether an opener at `start` may begin a block at all. Default: anywhere. */
  readonly opensAt?: (reading: Reading, start: number) => boolean;
  /** Reads the block whose opener stands at `start`. */
  readonly read: (reading: Reading, start: number, opener: string) => Block;
  readonly renderCalls: ToolCallParser['renderCalls'];
  readonly callId?: NonNullable<ToolCallParser['callId']>;
}

const THINKING = { open: '<think>', close: '</think>' };

/** A parser of a grammar of blocks: think blocks, content, diagnostics and streaming are the same for all. */
export function blockParser(grammar: BlockGrammar): ToolCallParser {
  const { name, renderCalls, callId } = grammar;
  return Object.freeze({
    name,
    parse: (text: string, options: ParseOptions) => parseBlocks(grammar, text, options),
    stream({ tools }: Pick<ParseOptions, 'tools'>) {
      const pieces: string[] = [];
      /** What is not told yet: as short as it can be, so that each piece costs its own length. */
      let held = '';
      let toldLength = 0;
      let isInBlock = false;
      return {
        push(piece: string): string {
          pieces.push(piece);
          if (isInBlock) return '';
          held += piece;
          const { safe, isOpener } = beforeAnyOpener(grammar, held);
          isInBlock = isOpener;
          const ready = held.slice(0, safe);
          held = held.slice(safe);
          toldLength += safe;
          return ready;
        },
        end(finishReason: string) {
          const text = pieces.join('');
          const completion = parseBlocks(grammar, text, { tools, finishReason });
          const isContent = completion.calls.length === 0;
          return { rest: isContent ? text.slice(toldLength) : '', completion };
        },
      };
    },
    renderCalls,
    ...(callId === undefined ? {} : { callId }),
  });
}

function parseBlocks(grammar: BlockGrammar, text: string, options: ParseOptions): ParsedCompletion {
  const found: (TextSpan & { readonly calls: readonly ParsedCall[] })[] = [];
  const diagnostics: ParserDiagnostic[] = [];
  const report = (kind: ParserDiagnostic['kind'], offset: number, message: string): void => {
    if (diagnostics.length < MAX_DIAGNOSTICS) diagnostics.push({ kind, offset, message });
  };
  const reading = readingOf(text, options);
  const { thinking = THINKING } = grammar;
  const hasThinking = thinking !== 'none';
  const { open: openThink, close: closeThink } = hasThinking ? thinking : THINKING;

  let position = 0;
  for (;;) {
    const { at: open, opener } = nextOpener(grammar, reading, position);
    const think = hasThinking ? reading.find(openThink, position) : Number.POSITIVE_INFINITY;
    const endThink = hasThinking ? reading.find(closeThink, position) : Number.POSITIVE_INFINITY;
    if (endThink < open && endThink < think) {
      // Templates may open the think block in the prompt: then all that stands before its end is thought.
      for (const { start } of found) report('in_thinking', start, IN_THINKING);
      found.length = 0;
      position = endThink + closeThink.length;
    } else if (think < open) {
      const end = reading.find(closeThink, think);
      if (open < end && open !== Number.POSITIVE_INFINITY) report('in_thinking', open, IN_THINKING);
      if (end === Number.POSITIVE_INFINITY) break;
      position = end + closeThink.length;
    } else if (open === Number.POSITIVE_INFINITY) {
      break;
    } else {
      const block = grammar.read(reading, open, opener);
      if (block.calls.length > 0) found.push({ start: open, end: block.end, calls: block.calls });
      for (const { kind, message } of block.problems ?? []) report(kind, open, message);
      // A block always moves on, so that no text can hold the reading up.
      position = Math.max(block.end, open + 1);
    }
  }
  return {
    content: found.length === 0 ? text : textOutside(text, found),
    calls: found.flatMap(({ calls }) => calls),
    diagnostics,
  };
}

const IN_THINKING = 'a call inside a think block is not run';

function readingOf(text: string, { tools, finishReason }: ParseOptions): Reading {
  const found = new Map<string, number>();
  return {
    text,
    finishReason,
    tools: new Map(tools.map((tool) => [tool.name, tool])),
    find(marker, from) {
      const known = found.get(marker) ?? -1;
      if (known >= from) return known;
      const index = text.indexOf(marker, from);
      const next = index === -1 ? Number.POSITIVE_INFINITY : index;
      found.set(marker, next);
      return next;
    },
  };
}

function nextOpener(
  { openers, opensAt }: BlockGrammar,
  reading: Reading,
  from: number,
): { readonly at: number; readonly opener: string } {
  let position = from;
  for (;;) {
    let at = Number.POSITIVE_INFINITY;
    let opener = '';
    for (const each of openers) {
      const next = reading.find(each, position);
      // Of two that begin at one place, the longer one is meant.
      if (next < at || (next === at && each.length > opener.length && next < Infinity)) {
        at = next;
        opener = each;
      }
    }
    if (at === Number.POSITIVE_INFINITY || (opensAt?.(reading, at) ?? true)) return { at, opener };
    position = at + 1;
  }
}

/** How much of a text that is still coming can't be part of a call: up to the first opener, or a piece of one. */
function beforeAnyOpener(
  { openers }: BlockGrammar,
  text: string,
): { readonly safe: number; readonly isOpener: boolean } {
  const found = openers.map((opener) => text.indexOf(opener)).filter((at) => at >= 0);
  if (found.length > 0) return { safe: Math.min(...found), isOpener: true };
  let safe = text.length;
  for (const opener of openers) {
    for (let length = Math.min(opener.length - 1, text.length); length > 0; length--) {
      if (!text.endsWith(opener.slice(0, length))) continue;
      safe = Math.min(safe, text.length - length);
      break;
    }
  }
  return { safe, isOpener: false };
}

/** The text around the blocks, each piece trimmed, empty ones left out, a line each. */
function textOutside(text: string, blocks: readonly TextSpan[]): string {
  const pieces: string[] = [];
  let from = 0;
  for (const block of [...blocks, { start: text.length, end: text.length }]) {
    const piece = text.slice(from, block.start).trim();
    if (piece !== '') pieces.push(piece);
    from = block.end;
  }
  return pieces.join('\n');
}
