import type { Block } from './block-grammar.ts';
import { noCall } from './close-call.ts';
import { blockParser } from './grammar.ts';
import { skipSpace } from './literal-reader.ts';
import { pythonCall, readPythonCall } from './python-calls.ts';
import { endsWithin, type Reading } from './reading.ts';
import type { ParsedCall, ParserDiagnostic, ToolCallParser } from './tool-call-parser.ts';

const START = '<|python_start|>';
const END = '<|python_end|>';

/**
 * The grammar of Llama 4, Llama 3.2 and ToolACE: `[f(a='x'), g(b=1)]`, a Python list of calls that is
 * the whole answer, or that stands between `<|python_start|>` and `<|python_end|>`.
 */
export const pythonicParser: ToolCallParser = blockParser({
  name: 'pythonic',
  openers: [START],
  leadingOpeners: ['['],
  read(reading, start, opener) {
    if (opener === '[') return readList(reading, start, false);
    const { text } = reading;
    const at = skipSpace(text, start + START.length);
    if (at >= text.length) return noCall('cut_off', 'the text ends after the marker', text.length);
    return text[at] === '['
      ? readList(reading, at, true)
      : noCall('malformed', 'the marker is followed by no list', start + START.length);
  },
  renderCalls: (calls) =>
    calls.length === 0 ? '' : `[${calls.map((call) => pythonCall(call, 'python')).join(', ')}]`,
});

/** Reads the list whose `[` stands at `start`; bare, it is calls only where nothing follows it. */
function readList(reading: Reading, start: number, isMarked: boolean): Block {
  const { text, finishReason, find } = reading;
  const calls: ParsedCall[] = [];
  const problems: Omit<ParserDiagnostic, 'offset'>[] = [];
  let callsEnd = start;
  const breaksOff = (kind: ParserDiagnostic['kind'], message: string, from: number): Block => {
    problems.push({ kind, message });
    // Bare it was to be the whole text; so nothing that a broken call quotes is taken for one.
    const end = isMarked ? Math.min(find(END, from) + END.length, text.length) : text.length;
    return { end, calls, callsEnd, problems };
  };

  let position = skipSpace(text, start + 1);
  for (;;) {
    const read = readPythonCall(text, position);
    switch (read.kind) {
      case 'none':
        // An answer may begin with any list.
        return calls.length + problems.length === 0 && !isMarked
          ? { end: start + 1, calls: [] }
          : noCall('malformed', 'the list holds something that is no call', start + 1);
      case 'incomplete':
        return breaksOff('cut_off', 'the text ends inside the list', text.length);
      case 'invalid':
        return breaksOff('malformed', `no literal at offset ${read.offset}`, read.offset);
    }
    const next = skipSpace(text, read.end);
    const isLast = next >= text.length;
    if (isLast && finishReason === 'length') {
      return breaksOff('cut_off', 'the list is not closed and the text was cut', text.length);
    }
    if (!isLast && text[next] !== ',' && text[next] !== ']') {
      return noCall('malformed', 'the list goes on with neither a comma nor its end', start + 1);
    }
    if (read.kind === 'call') calls.push(read.call);
    else problems.push({ kind: 'malformed', message: read.message });
    callsEnd = Math.min(next + 1, text.length);
    position = skipSpace(text, callsEnd);
    const isClosed = text[next] === ']' || text[position] === ']';
    if (!isLast && !isClosed) continue;
    const end = isLast || text[next] === ']' ? callsEnd : position + 1;
    return isLast
      ? { end, calls, problems }
      : afterList(reading, start, end, isMarked, calls, problems);
  }
}

/** A list that is closed at `at`: what may follow it. */
function afterList(
  { text, finishReason }: Reading,
  start: number,
  at: number,
  isMarked: boolean,
  calls: readonly ParsedCall[],
  problems: Block['problems'] = [],
): Block {
  const next = skipSpace(text, at);
  const isOver = endsWithin(text, next, END);
  if (isMarked && isOver && finishReason === 'length') {
    return noCall('cut_off', 'the list is not closed and the text was cut', text.length);
  }
  const end = text.startsWith(END, next) ? next + END.length : isOver ? text.length : next;
  if (isMarked) return { end, calls, problems };
  return skipSpace(text, end) >= text.length
    ? { end: text.length, calls, problems }
    : noCall('malformed', 'the list of calls is not the whole answer', start + 1);
}
