import { type ToolMessage, textContent, textOf } from '../../messages.ts';

/** Code points that are kept of a shortened result. */
const KEPT_FIRST = 400;
const KEPT_LAST = 200;

/**
 * A result's beginning and end with a line between them that says how much is missing; parts that are
 * no text go. The message itself when that would not be shorter.
 */
export function shortenResult(message: ToolMessage): ToolMessage {
  const characters = [...textOf(message)];
  const others = message.content.filter(({ kind }) => kind !== 'text').length;
  const missing = Math.max(0, characters.length - KEPT_FIRST - KEPT_LAST);
  const what = [
    ...(missing > 0 ? [`${missing} characters`] : []),
    ...(others > 0 ? [`${others} attachments`] : []),
  ];
  if (what.length === 0) return message;
  const note = `\n[... ${what.join(' and ')} of this result left out ...]\n`;
  if (others === 0 && missing <= note.length) return message;
  const first = characters.slice(0, missing > 0 ? KEPT_FIRST : characters.length).join('');
  const last = missing > 0 ? characters.slice(-KEPT_LAST).join('') : '';
  return { ...message, content: textContent(first + note + last) };
}
