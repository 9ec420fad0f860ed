import type { Block } from './block-grammar.ts';
import { afterBroken } from './close-call.ts';
import { blockParser } from './grammar.ts';
import { callObject, readCallObject } from './json-call.ts';
import { skipJsonSpace } from './json-scanner.ts';
import { endsWithin, type Reading } from './reading.ts';
import type { ParsedCall, ParserDiagnostic, ToolCallParser } from './tool-call-parser.ts';

const TAG = '<|python_tag|>';
const TERMINATORS = ['<|eom_id|>', '<|eot_id|>'];

/**
 * The grammar of Llama 3.1 to 4 with JSON calls: `{"name": ..., "parameters": {...}}`, several side by
 * side or with `;` between them. Nothing marks them, so an object is a call only where the message (or
 * what follows its think block) begins with it and no prose follows; behind `<|python_tag|>` the tag
 * says that it is one. An object in prose, in a code fence or in an answer is content.
 */
export const llama3JsonParser: ToolCallParser = blockParser({
  name: 'llama3_json',
  openers: [TAG],
  leadingOpeners: ['{'],
  read: (reading, start, opener) =>
    opener === TAG
      ? readCalls(reading, skipJsonSpace(reading.text, start + TAG.length), true)
      : readCalls(reading, start, false),
  renderCalls: (calls) => calls.map((call) => callObject(call, 'parameters')).join('; '),
});

/** Reads objects from `start` on; `isTagged`: prose may follow them. */
function readCalls(reading: Reading, start: number, isTagged: boolean): Block {
  const { text, finishReason } = reading;
  const calls: ParsedCall[] = [];
  const problems: Omit<ParserDiagnostic, 'offset'>[] = [];
  let callsEnd = start;
  const stop = (end: number, kind?: ParserDiagnostic['kind'], message = ''): Block => {
    if (kind !== undefined) problems.push({ kind, message });
    return { end, calls, callsEnd, problems };
  };

  for (let position = start; ; position = callsEnd) {
    if (position >= text.length) {
      // Also after a semicolon: what came before it is whole.
      return calls.length > 0 ? stop(text.length) : stop(text.length, 'cut_off', 'no call follows');
    }
    if (text[position] !== '{') {
      const message = `${isTagged ? TAG : 'a semicolon'} is not followed by a JSON object`;
      return stop(position, 'malformed', message);
    }
    const object = readCallObject(text, position, { needsArguments: true });
    if (object.kind === 'incomplete')
      return stop(text.length, 'cut_off', 'the text ends in a call');
    if (object.kind === 'invalid') {
      // Braces that begin no JSON at all are prose, and tell nothing of what may be quoted.
      const isProse = object.offset === skipJsonSpace(text, position + 1);
      const end = isProse ? object.offset : afterBroken(reading, object.offset, [TAG]);
      return stop(end, 'malformed', `no valid JSON at offset ${object.offset}`);
    }
    if (object.kind === 'other') {
      // An answer in JSON is no broken call.
      const isAnswer = !isTagged && calls.length === 0;
      return isAnswer ? stop(object.end) : stop(object.end, 'malformed', object.message);
    }
    const next = skipJsonSpace(text, object.end);
    const terminator = TERMINATORS.find((each) => text.startsWith(each, next));
    const endsHere = TERMINATORS.some((each) => endsWithin(text, next, each));
    if (endsHere && finishReason === 'length') {
      return stop(text.length, 'cut_off', 'the text was cut behind the call');
    }
    const goesOn = text[next] === ';' || text[next] === '{';
    if (!isTagged && !goesOn && !endsHere && terminator === undefined) {
      return stop(object.end, 'malformed', 'the call is followed by prose');
    }
    calls.push(object.call);
    if (endsHere) callsEnd = text.length;
    else if (terminator !== undefined) callsEnd = next + terminator.length;
    else callsEnd = text[next] === ';' ? skipJsonSpace(text, next + 1) : goesOn ? next : object.end;
    if (!goesOn) return stop(callsEnd);
  }
}
