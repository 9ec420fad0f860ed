import { isJsonObject, type JsonObject } from '../../messages.ts';
import { scanJson } from '../../parsers/index.ts';

const FENCE = '```';
const OPENING_FENCE = /^```(?:json)?[ \t]*\r?\n/i;
const VALID_ESCAPE = /^(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/;
/** JSON's white space, then what makes a comma before it one too many. */
const CLOSES = /^[ \t\n\r]*[}\]]/;

/**
 * Mends what models commonly misspell in a JSON object: a fence around it, commas before a closing
 * bracket, raw control characters and escapes that are none in strings, and the same object written
 * several times. Nothing is ever closed for the model, so text that was cut off stays broken:
 * undefined, as is all else that can't be mended.
 */
export function repairJson(text: string): JsonObject | undefined {
  const bare = unfenced(text);
  if (!bare.startsWith('{')) return undefined;
  const mended = firstOfCopies(mend(bare));
  try {
    const value: unknown = JSON.parse(mended);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** What a fence stands around; one whose closing fence is missing may be cut off. */
function unfenced(text: string): string {
  const opening = OPENING_FENCE.exec(text)?.[0];
  const isWhole = opening !== undefined && text.length >= opening.length + FENCE.length;
  return isWhole && text.endsWith(FENCE) ? text.slice(opening.length, -FENCE.length).trim() : text;
}

/** The text with its strings and commas put right; every other character stays. */
function mend(text: string): string {
  let mended = '';
  let inString = false;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at] as string;
    if (!inString) {
      if (character === '"') inString = true;
      if (character !== ',' || !CLOSES.test(ahead(text, at))) mended += character;
    } else if (character === '\\') {
      const next = text[at + 1];
      const known = VALID_ESCAPE.exec(text.slice(at + 1, at + 6))?.[0];
      if (known !== undefined) {
        mended += `\\${known}`;
        at += known.length;
      } else if (next === "'") {
        mended += next;
        at += 1;
      } else mended += '\\\\';
    } else {
      if (character === '"') inString = false;
      mended += character < ' ' ? escapeOf(character) : character;
    }
  }
  return mended;
}

/** From after the comma to the first character that is no white space. */
function ahead(text: string, comma: number): string {
  let end = comma + 1;
  while (' \t\n\r'.includes(text[end] ?? 'x')) end += 1;
  return text.slice(comma + 1, end + 1);
}

/** `\u000a` for a newline, and so on. */
function escapeOf(control: string): string {
  return `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** One object of several that are spelled the same, with white space between them or none. */
function firstOfCopies(text: string): string {
  const scan = scanJson(text, 0);
  if (scan.kind !== 'complete' || scan.end === text.length) return text;
  const first = text.slice(0, scan.end);
  const rest = text.slice(scan.end);
  return rest.split(first).every((between) => between.trim() === '') ? first : text;
}
