import type { Block, BlockGrammar } from './block-grammar.ts';
import { closeCall, noCall } from './close-call.ts';
import { blockParser } from './grammar.ts';
import { readCallObject } from './json-call.ts';
import { skipJsonSpace } from './json-scanner.ts';
import type { Reading } from './reading.ts';
import type { ToolCallParser } from './tool-call-parser.ts';

export interface MarkedObjectGrammar
  extends Pick<BlockGrammar, 'name' | 'openers' | 'thinking' | 'renderCalls'> {
  readonly closer: string;
}

/** A grammar of calls that are JSON objects, each between an opening and a closing marker. */
export function markedObjectParser({ closer, ...grammar }: MarkedObjectGrammar): ToolCallParser {
  return blockParser({
    ...grammar,
    read: (reading, start, opener) =>
      readMarkedObject(reading, start + opener.length, grammar.openers, closer),
  });
}

/**
 * Reads what follows an opening marker. Broken JSON ends with its block (and a block without an end with
 * the text), so that nothing which a broken call quotes is taken for a call of its own.
 */
export function readMarkedObject(
  reading: Reading,
  bodyStart: number,
  openers: readonly string[],
  closer: string,
): Block {
  const { text, find } = reading;
  const start = skipJsonSpace(text, bodyStart);
  if (start >= text.length) return noCall('cut_off', 'the text ends after the marker', text.length);
  if (text[start] !== '{') {
    return noCall('malformed', 'the marker is not followed by a JSON object', bodyStart);
  }
  const object = readCallObject(text, start);
  switch (object.kind) {
    case 'incomplete':
      return noCall('cut_off', 'the text ends inside the call', text.length);
    case 'invalid': {
      const end = Math.min(find(closer, bodyStart) + closer.length, text.length);
      return noCall('malformed', `no valid JSON at offset ${object.offset}`, end);
    }
    case 'call':
      return closeCall(reading, object.end, { closers: [closer], openers }, object.call);
    case 'other':
      return closeCall(reading, object.end, { closers: [closer], openers }, object.message);
  }
}
