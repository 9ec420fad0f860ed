import type { Block } from './block-grammar.ts';
import { noCall } from './close-call.ts';
import { blockParser } from './grammar.ts';
import { skipSpace } from './literal-reader.ts';
import { pythonCall, readPythonCall } from './python-calls.ts';
import { endsWithin, type Reading } from './reading.ts';
import type { ParsedCall, ParserDiagnostic, ToolCallParser } from './tool-call-parser.ts';

const OPEN = '<function_calls>';
const CLOSE = '</function_calls>';

/** The grammar of Olmo 3: `<function_calls>f(a="x")\ng(b=1)</function_calls>`, values as JSON. */
export const olmo3Parser: ToolCallParser = blockParser({
  name: 'olmo3',
  openers: [OPEN],
  read: (reading, start) => readBlock(reading, start + OPEN.length),
  renderCalls: (calls) =>
    calls.length === 0
      ? ''
      : `${OPEN}${calls.map((call) => pythonCall(call, 'json')).join('\n')}${CLOSE}`,
});

function readBlock({ text, finishReason, find }: Reading, bodyStart: number): Block {
  const calls: ParsedCall[] = [];
  const problems: Omit<ParserDiagnostic, 'offset'>[] = [];
  let callsEnd = bodyStart;
  let position = bodyStart;
  /** Read, but it counts only with what may follow a call. */
  let last: ParsedCall | undefined;
  const accept = (end: number): void => {
    if (last !== undefined) calls.push(last);
    last = undefined;
    callsEnd = end;
  };
  const done = (end: number, kind?: ParserDiagnostic['kind'], message = ''): Block => {
    if (kind !== undefined) problems.push({ kind, message });
    return { end, calls, callsEnd, problems };
  };

  for (;;) {
    const at = skipSpace(text, position);
    const isFirst = position === bodyStart;
    if (text.startsWith(CLOSE, at)) {
      const end = at + CLOSE.length;
      accept(end);
      return isFirst ? noCall('malformed', 'the block holds no call', end) : done(end);
    }
    if (endsWithin(text, at, CLOSE)) {
      if (isFirst || finishReason === 'length') {
        return done(text.length, 'cut_off', 'the text ends before its calls are closed');
      }
      accept(text.length);
      return done(text.length);
    }
    const read = readPythonCall(text, !isFirst && text[at] === ',' ? skipSpace(text, at + 1) : at);
    if (read.kind === 'none' && isFirst) {
      return noCall('malformed', `${OPEN} is not followed by a call`, bodyStart);
    }
    // Broken Python ends with its block, so that nothing which it quotes is taken for a call.
    const broken = (from: number, message: string): Block =>
      done(Math.min(find(CLOSE, from) + CLOSE.length, text.length), 'malformed', message);
    if (read.kind === 'none') return broken(at, 'a call is followed by something that is none');
    accept(at);
    if (read.kind === 'incomplete')
      return done(text.length, 'cut_off', 'the text ends inside a call');
    if (read.kind === 'invalid') return broken(read.offset, `no literal at offset ${read.offset}`);
    if (read.kind === 'call') last = read.call;
    else problems.push({ kind: 'malformed', message: read.message });
    position = read.end;
  }
}
