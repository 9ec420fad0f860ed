import type { Block, BlockGrammar } from './block-grammar.ts';
import { closeCall, noCall } from './close-call.ts';
import { type GemmaMarks, gemmaCall, scanGemmaArguments } from './gemma-values.ts';
import { blockParser } from './grammar.ts';
import { skipSpace } from './literal-reader.ts';
import { endsWithin, type Reading } from './reading.ts';
import type { ToolCallParser } from './tool-call-parser.ts';
import { TypedArguments } from './typed-value.ts';

const CALL = 'call:';
const NAME = /[^\s{}<>"',]*/y;

/** A parser of the calls that Gemma models write: `call:name{...}` between two marks. */
export function gemmaParser(
  name: string,
  thinking: NonNullable<BlockGrammar['thinking']>,
  marks: GemmaMarks,
): ToolCallParser {
  return blockParser({
    name,
    openers: [marks.open],
    thinking,
    read: (reading, start) => readCall(reading, start + marks.open.length, marks),
    renderCalls: (calls) => calls.map((call) => gemmaCall(call, marks)).join(''),
  });
}

function readCall(reading: Reading, bodyStart: number, marks: GemmaMarks): Block {
  const { text, tools, find } = reading;
  const at = skipSpace(text, bodyStart);
  const isCut = at >= text.length || endsWithin(text, at, CALL);
  if (isCut) return noCall('cut_off', 'the text ends before the call', text.length);
  NAME.lastIndex = at + CALL.length;
  const name = NAME.exec(text)?.[0] ?? '';
  const open = at + CALL.length + name.length;
  const isCall = text.startsWith(CALL, at);
  if (isCall && open >= text.length) {
    return noCall('cut_off', 'the text ends before the arguments', text.length);
  }
  if (!isCall || name === '' || text[open] !== '{') {
    return noCall('malformed', 'the mark is not followed by a name and its arguments', bodyStart);
  }
  const typed = new TypedArguments(tools.get(name)?.parameters);
  const scan = scanGemmaArguments(reading, open, marks, typed);
  switch (scan.kind) {
    case 'incomplete':
      return noCall('cut_off', 'the text ends inside the call', text.length);
    case 'invalid': {
      // A broken call ends with its mark, so that nothing which it quotes is taken for a call.
      const end = Math.min(find(marks.close, scan.offset) + marks.close.length, text.length);
      return noCall('malformed', `no value at offset ${scan.offset}`, end);
    }
    case 'complete':
      return closeCall(
        reading,
        scan.end,
        { closers: [marks.close], openers: [marks.open] },
        { name, argumentsText: scan.json },
      );
  }
}
