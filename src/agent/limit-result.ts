import { type MemberSpan, scanJson, skipJsonSpace } from '../parsers/index.ts';

/**
 * A tool result of at most `max` characters (code points). Of a longer one the middle is left out, with
 * a line that says how much; where that line has no room, the end. An error as JSON stays JSON: its text
 * is shortened in the same way.
 */
export function limitResult(text: string, max: number): string {
  // A code point is one or two units, so most texts need not be taken apart.
  if (text.length <= max) return text;
  const characters = [...text];
  if (characters.length <= max) return text;
  return shorterError(text, max) ?? withoutMiddle(characters, max);
}

function withoutMiddle(characters: readonly string[], max: number): string {
  if (characters.length <= max) return characters.join('');
  let note = '';
  // The note says a number, and its digits take room themselves.
  for (let round = 0; round < 3; round++) {
    const missing = characters.length - max + note.length;
    note = `\n[... ${missing} characters of this result left out ...]\n`;
  }
  const kept = max - note.length;
  if (kept <= 0) return characters.slice(0, max).join('');
  const last = Math.floor(kept / 3);
  const end = characters.slice(characters.length - last).join('');
  return characters.slice(0, kept - last).join('') + note + end;
}

/** Undefined when the text is no JSON object with an error text, or has no room for one. */
function shorterError(text: string, max: number): string | undefined {
  const error = errorSpan(text);
  if (error === undefined) return undefined;
  const message = [...(JSON.parse(text.slice(error.start, error.end)) as string)];
  const withMessage = (length: number): string =>
    text.slice(0, error.start) +
    JSON.stringify(withoutMiddle(message, length)) +
    text.slice(error.end);
  // Escapes make a message longer than it is, so the most that fits is searched for.
  let fits = -1;
  let tooMuch = Math.min(message.length, max) + 1;
  while (tooMuch - fits > 1) {
    const middle = Math.floor((fits + tooMuch) / 2);
    if (isAtMost(withMessage(middle), max)) fits = middle;
    else tooMuch = middle;
  }
  return fits < 0 ? undefined : withMessage(fits);
}

function errorSpan(text: string): MemberSpan['value'] | undefined {
  const start = skipJsonSpace(text, 0);
  if (text[start] !== '{') return undefined;
  const members: MemberSpan[] = [];
  const scan = scanJson(text, start, members);
  if (scan.kind !== 'complete' || skipJsonSpace(text, scan.end) !== text.length) return undefined;
  const error = members.findLast(
    ({ key }) => JSON.parse(text.slice(key.start, key.end)) === 'error',
  );
  return error !== undefined && text[error.value.start] === '"' ? error.value : undefined;
}

function isAtMost(text: string, max: number): boolean {
  return text.length <= max || [...text].length <= max;
}
