/**
 * The first and last so many code points of a text, with a line between them that says how many are
 * missing, and how many attachments. The text itself when that would not be shorter.
 */
export function withoutMiddle(text: string, first: number, last: number, attachments = 0): string {
  // A code point is one or two units, so most texts need not be taken apart.
  if (attachments === 0 && text.length <= first + last) return text;
  const characters = [...text];
  const missing = Math.max(0, characters.length - first - last);
  const what = [
    ...(missing > 0 ? [`${missing} characters`] : []),
    ...(attachments > 0 ? [`${attachments} attachments`] : []),
  ].join(' and ');
  const note = `\n[... ${what} of this result left out ...]\n`;
  if (attachments === 0 && missing <= note.length) return text;
  if (missing === 0) return text + note;
  const end = last === 0 ? '' : characters.slice(-last).join('');
  return characters.slice(0, first).join('') + note + end;
}
