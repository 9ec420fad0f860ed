import type { Block, BlockGrammar } from './block-grammar.ts';
import { closeCall, noCall } from './close-call.ts';
import { blockParser } from './grammar.ts';
import { readArguments } from './json-call.ts';
import { skipJsonSpace } from './json-scanner.ts';
import { endsWithin, type Reading } from './reading.ts';
import type { ParsedCall, ToolCallParser } from './tool-call-parser.ts';

/** What stands before a call's arguments, and where they begin, white space before them aside. */
export type CallHead =
  | (Omit<ParsedCall, 'argumentsText'> & { readonly kind: 'head'; readonly end: number })
  /** The text ends inside it. */
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'invalid'; readonly message: string };

export interface SectionedGrammar
  extends Pick<BlockGrammar, 'name' | 'renderCalls' | 'callId' | 'thinking'> {
  /** The markers around all calls of a message; each may be missing. */
  readonly sectionOpeners: readonly string[];
  readonly sectionClosers: readonly string[];
  readonly opener: string;
  /** What follows the arguments, the closing marker last. */
  readonly closers: readonly string[];
  /** Reads on from behind the opening marker. */
  readonly readHead: (reading: Reading, at: number) => CallHead;
}

/**
 * A grammar of calls that stand side by side in a section, each `head`, JSON arguments and an end. A
 * broken call ends with its closing marker (one without with the text) and stays in the content.
 */
export function sectionedParser(grammar: SectionedGrammar): ToolCallParser {
  const { sectionOpeners, opener, ...rest } = grammar;
  return blockParser({
    ...rest,
    openers: [...sectionOpeners, opener],
    read(reading, start, found) {
      const { text } = reading;
      if (found === opener) return readCall(grammar, reading, start + opener.length);
      const at = skipJsonSpace(text, start + found.length);
      if (text.startsWith(opener, at)) return readCall(grammar, reading, at + opener.length);
      return endsWithin(text, at, opener)
        ? noCall('cut_off', 'the text ends before the first call', text.length)
        : noCall('malformed', 'no call follows the marker of their section', start + found.length);
    },
  });
}

function readCall(grammar: SectionedGrammar, reading: Reading, bodyStart: number): Block {
  const { text, find } = reading;
  const { closers, opener, sectionClosers } = grammar;
  const closer = closers.at(-1) ?? '';
  const broken = (message: string): Block =>
    noCall('malformed', message, Math.min(find(closer, bodyStart) + closer.length, text.length));
  const cut = (): Block => noCall('cut_off', 'the text ends inside the call', text.length);

  const head = grammar.readHead(reading, bodyStart);
  if (head.kind === 'incomplete') return cut();
  if (head.kind === 'invalid') return broken(head.message);
  const { kind: _, end: argumentsStart, ...named } = head;
  const read = readArguments(text, argumentsStart);
  if (read.kind === 'incomplete') return cut();
  if (read.kind === 'invalid') return broken(`no valid JSON at offset ${read.offset}`);
  const call = { ...named, argumentsText: read.argumentsText };
  const openers = [opener, ...sectionClosers];
  const block = closeCall(reading, read.end, { closers, openers }, call);
  if (block.calls.length === 0) {
    // What follows the arguments may quote, as broken ones may.
    return block.end < text.length ? broken(block.problems?.[0]?.message ?? '') : block;
  }
  const after = skipJsonSpace(text, block.end);
  const ended = sectionClosers.find((marker) => text.startsWith(marker, after));
  return ended === undefined ? block : { ...block, end: after + ended.length };
}
