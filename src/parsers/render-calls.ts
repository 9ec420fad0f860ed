import type { ToolDefinition } from '../messages.ts';
import { callObject } from './json-call.ts';
import type { ParsedCall } from './tool-call-parser.ts';
import { argumentsOf } from './typed-value.ts';

/** How a grammar spells calls and reads them. */
export interface CallSpelling {
  readonly render: (calls: readonly ParsedCall[]) => string;
  readonly read: (text: string, tools: readonly ToolDefinition[]) => readonly ParsedCall[];
  /** What means something in its texts. */
  readonly markers: readonly string[];
  /** Makes a text content of its own. Default: it is that as it stands. */
  readonly frame?: (text: string) => string;
  /** Stands between calls and content. Default: a new line. */
  readonly between?: string;
}

/**
 * The calls in the grammar's own spelling, each read back to see that it is this very call. One that is
 * not (its name or a value breaks its frame) is shown in a way that the grammar does not read as one.
 */
export function renderReadable(
  calls: readonly ParsedCall[],
  spelling: CallSpelling,
  tools: readonly ToolDefinition[] = calls.map(withoutSchema),
): string {
  const { render, read, markers, frame = (text) => text, between = '\n' } = spelling;
  const firsts = new Set(markers.map((marker) => [...marker][0]));
  const show = (call: ParsedCall): string => frame(shown(call, firsts));
  const pieces: string[] = [];
  const readable: ParsedCall[] = [];
  let side: ParsedCall[] = [];
  const flush = (): void => {
    if (side.length > 0) pieces.push(render(side));
    side = [];
  };
  for (const call of calls) {
    const back = read(render([call]), tools);
    if (back.length === 1 && isSame(back[0] as ParsedCall, call)) {
      side.push(call);
      readable.push(call);
    } else {
      flush();
      pieces.push(show(call));
    }
  }
  flush();
  const text = pieces.join(between);
  if (calls.length < 2) return text;
  // Where calls must be all that is said, what is shown beside them undoes them, too.
  const namesOf = (some: readonly ParsedCall[]): string =>
    JSON.stringify(some.map(({ name }) => name));
  const areSame = namesOf(read(text, tools)) === namesOf(readable);
  return areSame ? text : calls.map(show).join(between);
}

const STRING = /"[^"\\]*(?:\\.[^"\\]*)*"/g;
const STRING_OR_SPACE = /"[^"\\]*(?:\\.[^"\\]*)*"|[ \n\r\t]+/g;

/** Words come first, and no marker begins in it, as long as markers do not begin as words or JSON do. */
function shown(call: ParsedCall, firsts: ReadonlySet<string | undefined>): string {
  const json = callObject(call).replace(STRING, (string) => {
    const inner = (JSON.parse(string) as string).replace(/./gsu, (character) =>
      firsts.has(character) ? escaped(character) : JSON.stringify(character).slice(1, -1),
    );
    return `"${inner}"`;
  });
  return `not a call: ${json}`;
}

function escaped(character: string): string {
  const units = character.split('').map((unit) => unit.charCodeAt(0).toString(16));
  return units.map((unit) => `\\u${unit.padStart(4, '0')}`).join('');
}

function isSame(one: ParsedCall, other: ParsedCall): boolean {
  if (one.name !== other.name) return false;
  if (one.argumentsText === other.argumentsText) return true;
  const meaning = meaningOf(one.argumentsText);
  return meaning !== undefined && meaning === meaningOf(other.argumentsText);
}

/** An object's members in one spelling; numbers keep their own. */
function meaningOf(argumentsText: string): string | undefined {
  return argumentsOf(argumentsText)
    ?.map(({ key, json }) => {
      const value = json.replace(STRING_OR_SPACE, (token) =>
        token.startsWith('"') ? JSON.stringify(JSON.parse(token)) : '',
      );
      return `${JSON.stringify(key)}:${value}`;
    })
    .join();
}

/** A tool that says nothing of its arguments. */
function withoutSchema({ name }: ParsedCall): ToolDefinition {
  return { name, description: '', parameters: {} };
}
