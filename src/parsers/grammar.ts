import { invalidInput } from '../errors.ts';
import { firstEvent, thinkBlocks } from './block-events.ts';
import type { BlockGrammar } from './block-grammar.ts';
import { blockStream } from './block-stream.ts';
import type { TextSpan } from './json-scanner.ts';
import { readBlock } from './read-block.ts';
import { readingOf } from './reading.ts';
import { renderReadable } from './render-calls.ts';
import {
  MAX_DIAGNOSTICS,
  type ParsedCall,
  type ParsedCompletion,
  type ParseOptions,
  type ParserDiagnostic,
  type ToolCallParser,
} from './tool-call-parser.ts';

export type { Block, BlockGrammar } from './block-grammar.ts';
export type { Reading } from './reading.ts';

/**
 * A parser of a grammar of blocks: think blocks, content, diagnostics and streaming are the same for all.
 * Throws `invalid_input` of a marker that is empty, since it would stand everywhere.
 */
export function blockParser(grammar: BlockGrammar): ToolCallParser {
  const { name, renderCalls, callId } = grammar;
  const { openers, leadingOpeners = [] } = grammar;
  const thinkMarkers = thinkBlocks(grammar).flatMap(({ open, close }) => [open, close]);
  requireMarkers('openers', openers);
  requireMarkers('leadingOpeners', leadingOpeners);
  requireMarkers('thinking', thinkMarkers);
  return Object.freeze({
    name,
    thinking: thinkBlocks(grammar),
    parse: (text: string, options: ParseOptions) => parseBlocks(grammar, text, options).completion,
    stream: ({ tools }: Pick<ParseOptions, 'tools'>) =>
      blockStream(grammar, tools, (text, options) => parseBlocks(grammar, text, options)),
    renderCalls: (calls: readonly ParsedCall[], options: { tools?: ParseOptions['tools'] } = {}) =>
      renderReadable(
        calls,
        {
          render: renderCalls,
          markers: [...openers, ...leadingOpeners, ...thinkMarkers],
          read: (text, tools) =>
            parseBlocks(grammar, text, { tools, finishReason: 'stop' }).completion.calls,
        },
        options.tools,
      ),
    ...(callId === undefined ? {} : { callId }),
  });
}

function requireMarkers(field: keyof BlockGrammar, markers: readonly string[]): void {
  if (!markers.includes('')) return;
  throw invalidInput(field, 'a marker is empty.', { remedy: 'Give the text that it stands for.' });
}

const IN_THINKING = 'a call inside a think block is not run';

/** What a text says, and where its first call stands. */
function parseBlocks(
  grammar: BlockGrammar,
  text: string,
  options: ParseOptions,
): { readonly completion: ParsedCompletion; readonly firstCall: number } {
  const found: (TextSpan & { readonly calls: readonly ParsedCall[] })[] = [];
  const diagnostics: ParserDiagnostic[] = [];
  const report = (kind: ParserDiagnostic['kind'], offset: number, message: string): void => {
    if (diagnostics.length < MAX_DIAGNOSTICS) diagnostics.push({ kind, offset, message });
  };
  const reading = readingOf(text, options);

  let position = 0;
  let isLeading = true;
  for (;;) {
    const event = firstEvent(grammar, reading, position, isLeading);
    if (event.kind === 'end') break;
    if (event.kind === 'block') {
      const { start } = event;
      const block = readBlock(grammar, reading, start, event.opener);
      const { end, calls, callsEnd = end, problems = [] } = block;
      if (calls.length > 0) found.push({ start, end: callsEnd, calls });
      for (const { kind, message } of problems) report(kind, start, message);
      position = end;
      isLeading = false;
      continue;
    }
    if (event.kind === 'think_end') {
      // Templates may open the think block in the prompt: then all that stands before its end is thought.
      for (const { start } of found) report('in_thinking', start, IN_THINKING);
      found.length = 0;
    } else if (event.call < event.end) {
      report('in_thinking', event.call, IN_THINKING);
    }
    position = Math.min(event.end, text.length);
    isLeading = true;
  }
  return {
    completion: {
      content: found.length === 0 ? text : textOutside(text, found),
      calls: found.flatMap(({ calls }) => calls),
      diagnostics,
    },
    firstCall: found[0]?.start ?? text.length,
  };
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
