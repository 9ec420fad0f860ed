import type { Block } from './block-grammar.ts';
import { readCallList } from './call-list.ts';
import { afterBroken, noCall } from './close-call.ts';
import { blockParser } from './grammar.ts';
import { argumentsJson, readArguments, readCallObject } from './json-call.ts';
import { skipJsonSpace } from './json-scanner.ts';
import { endsWithin, type Reading } from './reading.ts';
import type { ParsedCall, ToolCallParser } from './tool-call-parser.ts';

const OPEN = '[TOOL_CALLS]';
const CALL_ID = '[CALL_ID]';
const ARGS = '[ARGS]';
const OPENERS = [OPEN];
const WORD = /[^\s[\]{}"]*/y;
const ID_LENGTH = 9;
const ID = /^[A-Za-z0-9]{9}$/;
const ALPHANUMERIC = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** What both spellings share: each parser reads both, and renders its own. */
const MISTRAL = {
  openers: OPENERS,
  thinking: [
    { open: '[THINK]', close: '[/THINK]' },
    { open: '<think>', close: '</think>' },
  ],
  /** The text decides: a bracket or brace after the marker is the list, anything else a name. */
  read(reading: Reading, start: number): Block {
    const body = start + OPEN.length;
    const at = skipJsonSpace(reading.text, body);
    if (at >= reading.text.length) return noCall('cut_off', 'the text ends after the marker', at);
    if (reading.text[at] === '[') return readCallList(reading, at, OPENERS, { id: ID });
    return reading.text[at] === '{' ? readSingle(reading, at) : readNamed(reading, at);
  },
  callId: (_call: ParsedCall, _index: number, random: () => number) =>
    Array.from({ length: ID_LENGTH }, () => ALPHANUMERIC[Math.floor(random() * 62)]).join(''),
};

/**
 * The grammar of Mistral models since tokenizer 11 (Mistral Small 3.2, Magistral, Devstral, ...):
 * `[TOOL_CALLS]name[ARGS]{...}` a call, with `[CALL_ID]id` before the arguments where the call has an id.
 */
export const mistralParser: ToolCallParser = blockParser({
  ...MISTRAL,
  name: 'mistral',
  renderCalls: (calls) => calls.map(renderNamed).join(''),
});

/** The same for the models before: `[TOOL_CALLS] [{"name": ..., "arguments": {...}, "id": ...}]`. */
export const mistralListParser: ToolCallParser = blockParser({
  ...MISTRAL,
  name: 'mistral_v3',
  renderCalls: (calls) =>
    calls.length === 0 ? '' : `${OPEN} [${calls.map(renderListed).join(', ')}]`,
});

/** A list of one, without its brackets. Its own brace closes it, so what follows is content. */
function readSingle(reading: Reading, at: number): Block {
  const object = readCallObject(reading.text, at, { id: ID });
  if (object.kind === 'call') return { end: object.end, calls: [object.call] };
  return object.kind === 'other'
    ? noCall('malformed', object.message, object.end)
    : unread(reading, object);
}

/** A name and its arguments, whose own brace closes them. */
function readNamed(reading: Reading, at: number): Block {
  const { text } = reading;
  WORD.lastIndex = at;
  const name = WORD.exec(text)?.[0] ?? '';
  let headEnd = at + name.length;
  let position = skipJsonSpace(text, headEnd);
  let id: string | undefined;
  if (text.startsWith(CALL_ID, position)) {
    WORD.lastIndex = position + CALL_ID.length;
    const word = WORD.exec(text)?.[0] ?? '';
    // One that the templates would refuse is not kept.
    if (ID.test(word)) id = word;
    headEnd = WORD.lastIndex;
    position = skipJsonSpace(text, headEnd);
  }
  const hasMarker = text.startsWith(ARGS, position);
  if (hasMarker) position = skipJsonSpace(text, position + ARGS.length);
  const isCut = [ARGS, CALL_ID].some((marker) => endsWithin(text, position, marker));
  if (isCut) return noCall('cut_off', 'the text ends before the arguments', text.length);
  // Without the marker, only a brace right behind the name tells a call from prose.
  if (name === '' || (!hasMarker && text[headEnd] !== '{')) {
    return noCall('malformed', 'the marker is followed by no name with its arguments', at);
  }
  const read = readArguments(text, position);
  if (read.kind !== 'complete') return unread(reading, read);
  const { argumentsText, end } = read;
  return { end, calls: [{ name, argumentsText, ...(id === undefined ? {} : { id }) }] };
}

function unread(
  reading: Reading,
  scan: { readonly kind: 'incomplete' } | { readonly kind: 'invalid'; readonly offset: number },
): Block {
  if (scan.kind === 'incomplete') {
    return noCall('cut_off', 'the text ends inside the call', reading.text.length);
  }
  const end = afterBroken(reading, scan.offset, OPENERS);
  return noCall('malformed', `no valid JSON at offset ${scan.offset}`, end);
}

function renderNamed({ name, id, argumentsText }: ParsedCall): string {
  const callId = id !== undefined && ID.test(id) ? `${CALL_ID}${id}` : '';
  return `${OPEN}${name}${callId}${ARGS}${argumentsJson(argumentsText)}`;
}

function renderListed({ name, id, argumentsText }: ParsedCall): string {
  const idMember = id === undefined || !ID.test(id) ? '' : `, "id": ${JSON.stringify(id)}`;
  return `{"name": ${JSON.stringify(name)}, "arguments": ${argumentsJson(argumentsText)}${idMember}}`;
}
