import type { Block } from './block-grammar.ts';
import { closeCall, noCall } from './close-call.ts';
import { blockParser } from './grammar.ts';
import { endsWithin, type Reading } from './reading.ts';
import type { ParsedCall, ToolCallParser } from './tool-call-parser.ts';
import { spelledArguments, TypedArguments } from './typed-value.ts';
import { type Follows, type ValueTags, valueEnd } from './value-end.ts';

const OPEN = '<tool_call>';
const CLOSE = '</tool_call>';
const KEY = '<arg_key>';
const KEY_END = '</arg_key>';
const VALUE = '<arg_value>';
const VALUE_END = '</arg_value>';
const NAME = /[^\s<>{}[\]"'\\]*/y;
const KEY_TEXT = /[^<]*/y;

/**
 * The grammar of GLM 4.5 and 4.6: the name, then a line a tag, values as they are:
 * `<tool_call>f\n<arg_key>a</arg_key>\n<arg_value>1</arg_value>\n</tool_call>`.
 */
export const glm45Parser: ToolCallParser = glmParser('glm45', '\n');

/** The grammar of GLM 4.7 and 5: the same without newlines. Each parser reads both, and renders its own. */
export const glm47Parser: ToolCallParser = glmParser('glm47', '');

function glmParser(name: string, newline: string): ToolCallParser {
  return blockParser({
    name,
    openers: [OPEN],
    read: readCall,
    renderCalls: (calls) => calls.map((call) => render(call, newline)).join(newline),
  });
}

function readCall(reading: Reading, start: number): Block {
  const { text, tools } = reading;
  const nameStart = skipSpace(text, start + OPEN.length);
  NAME.lastIndex = nameStart;
  const name = NAME.exec(text)?.[0] ?? '';
  const tags = tagsOf(reading);
  const typed = new TypedArguments(tools.get(name)?.parameters);
  let position = nameStart + name.length;
  let count = 0;
  for (;;) {
    const at = skipSpace(text, position);
    if (text.startsWith(CLOSE, at) && name !== '') break;
    if (at >= text.length || endsWithin(text, at, KEY) || endsWithin(text, at, CLOSE)) {
      const isWhole = name !== '' && text.length - at >= 2 && endsWithin(text, at, CLOSE);
      if (isWhole) break;
      return noCall('cut_off', 'the text ends inside the call', text.length);
    }
    if (!text.startsWith(KEY, at) || name === '') {
      const message = 'the tag is not followed by a name and its arguments';
      return count === 0
        ? noCall('malformed', message, start + OPEN.length)
        : broken(reading, at, 'the call holds something between its arguments');
    }
    KEY_TEXT.lastIndex = at + KEY.length;
    const key = KEY_TEXT.exec(text)?.[0] ?? '';
    const keyEnd = KEY_TEXT.lastIndex;
    const valueAt = skipSpace(text, keyEnd + KEY_END.length);
    if (!text.startsWith(KEY_END, keyEnd) || !text.startsWith(VALUE, valueAt)) {
      const isCut = endsWithin(text, keyEnd, KEY_END) || endsWithin(text, valueAt, VALUE);
      if (isCut) return noCall('cut_off', 'the text ends inside the call', text.length);
      return broken(reading, at, 'a key is not followed by its value');
    }
    const from = valueAt + VALUE.length;
    const value = valueEnd(reading, from, tags);
    if (value.kind === 'open') {
      return noCall('cut_off', 'the text ends inside the call', text.length);
    }
    if (value.kind === 'broken') return noCall('malformed', 'a value is not closed', value.end);
    typed.addText(key, text.slice(from, value.end));
    position = value.next;
    count += 1;
  }
  const call = { name, argumentsText: typed.toText() };
  return closeCall(reading, skipSpace(text, position), { closers: [CLOSE], openers: [] }, call);
}

/** A broken call ends with its block, so that nothing which it quotes is taken for a call. */
function broken({ text, find }: Reading, from: number, message: string): Block {
  return noCall('malformed', message, Math.min(find(CLOSE, from) + CLOSE.length, text.length));
}

function tagsOf({ text }: Reading): ValueTags {
  return {
    close: VALUE_END,
    callClose: CLOSE,
    callOpen: OPEN,
    afterCall: () => 'yes',
    closesCall: () => true,
    opensCall(at) {
      const name = skipSpace(text, at + OPEN.length);
      NAME.lastIndex = name;
      NAME.test(text);
      const next = skipSpace(text, NAME.lastIndex);
      return NAME.lastIndex > name && (text.startsWith(KEY, next) || text.startsWith(CLOSE, next));
    },
    afterValue(at): Follows {
      const next = skipSpace(text, at);
      if (text.startsWith(KEY, next) || text.startsWith(CLOSE, next)) return 'yes';
      return endsWithin(text, next, KEY) || endsWithin(text, next, CLOSE) ? 'ends' : 'no';
    },
  };
}

/** White space, and newlines that the model spelled as a backslash and an n. */
function skipSpace(text: string, at: number): number {
  let position = at;
  for (;;) {
    if (' \n\r\t'.includes(text[position] ?? 'x')) position += 1;
    else if (text.startsWith('\\n', position)) position += 2;
    else return position;
  }
}

function render({ name, argumentsText }: ParsedCall, newline: string): string {
  const body = spelledArguments(argumentsText).map(({ key, json, string }) =>
    [`${KEY}${key}${KEY_END}`, `${VALUE}${string ?? json}${VALUE_END}`, ''].join(newline),
  );
  return `${OPEN}${name}${newline}${body.join('')}${CLOSE}`;
}
